import { sleep, systemClock } from '@rpcxjs/core';
import { claim } from './case.ts';
import { show } from './compare.ts';
import { base, followings, operations, refusedAsClosed, ttlMs } from './key-value-store-rig.ts';
import type { StoreRule, StoreUnderTest } from './key-value-store-rig.ts';

const late = 'an operation has not settled';
const unseen = 'a change has not been said by watch()';
const unended = 'an operation did not end when its signal aborted';
const first = 'tcp@192.0.2.1:8972';
const second = 'tcp@192.0.2.2:8972';

const watching: readonly StoreRule[] = [
  { name: 'watch() says everything at once, and again after each change', late: unseen, async check(bench) {
    const prefix = await bench.service();
    const [one, two] = [`${prefix}${first}`, `${prefix}${second}`];
    await bench.put(one, 'weight=3');
    const readers = [bench.read(prefix), bench.read(prefix, bench.other)];
    const said = (wanted: Record<string, string>): Promise<unknown> => Promise.all(readers.map((reader) => reader.until(wanted)));
    await said({ [one]: 'weight=3' });
    await bench.put(two, 'weight=5', bench.other);
    await said({ [one]: 'weight=3', [two]: 'weight=5' });
    await bench.put(one, 'state=inactive');
    await said({ [one]: 'state=inactive', [two]: 'weight=5' });
    await bench.other.deleteOwned(two, bench.bounded);
    await said({ [one]: 'state=inactive' });
    await bench.store.deleteOwned(one, bench.bounded);
    await said({});
  } },
  { name: 'the first that watch() says is what is there already', late: unseen, async check(bench) {
    const prefix = await bench.service();
    const wanted = { [`${prefix}${first}`]: 'weight=3', [`${prefix}${second}`]: 'weight=5' };
    for (const [key, value] of Object.entries(wanted)) await bench.put(key, value);
    for (const store of [bench.store, bench.other]) {
      const iterator = store.watch(prefix, bench.bounded)[Symbol.asyncIterator]();
      const { value } = await iterator.next();
      const whole = value instanceof Map && value.size === 2 && Object.entries(wanted).every(([key, text]) => value.get(key) === text);
      claim(whole, `the first that watch() said is ${show(value instanceof Map ? [...value] : value)} instead of ${show(Object.entries(wanted))}; clients would go on with those servers alone`);
      await iterator.return?.();
    }
  } },
  { name: 'watch() sees what others write into our keys', late: unseen, async check(bench) {
    const key = `${await bench.service()}${first}`;
    await bench.put(key, 'weight=3');
    const reader = bench.read(`${base}/Arith/`);
    await reader.until({ [key]: 'weight=3' });
    await bench.put(key, 'weight=4', bench.other);
    await reader.until({ [key]: 'weight=4' });
    await bench.put(key, 'weight=5');
    await reader.until({ [key]: 'weight=5' });
  } },
  { name: 'watch() says that there is nothing, and what comes later', late: unseen, async check(bench) {
    const reader = bench.read(`${base}/Later/`);
    await reader.until({});
    const key = `${await bench.service('Later', bench.other)}${first}`;
    await bench.put(key, 'here', bench.other);
    await reader.until({ [key]: 'here' });
  } },
  { name: 'watch() of one service says nothing of another whose name begins alike', late: unseen, async check(bench) {
    const prefix = await bench.service('Arith');
    const other = await bench.service('Arith2');
    const [reader, neighbour] = [bench.read(prefix), bench.read(other)];
    await bench.put(`${other}${first}`, 'of Arith2');
    await neighbour.until({ [`${other}${first}`]: 'of Arith2' });
    await bench.put(`${prefix}${first}`, 'of Arith');
    await reader.until({ [`${prefix}${first}`]: 'of Arith' });
    await bench.store.deleteOwned(`${other}${first}`, bench.bounded);
    await neighbour.until({});
    await reader.until({ [`${prefix}${first}`]: 'of Arith' });
  } },
  { name: 'a reader that leaves takes nothing from the others', late: unseen, async check(bench) {
    const key = `${await bench.service()}${first}`;
    const reader = bench.read(`${base}/Arith/`);
    await reader.until({});
    const controller = new AbortController();
    for await (const content of bench.store.watch(`${base}/Arith/`, { signal: controller.signal })) {
      claim(content.size === 0, `watch() said ${show([...content])} of a service without instances`);
      break;
    }
    await bench.read(`${base}/Arith/`).close();
    await bench.put(key, 'here');
    await reader.until({ [key]: 'here' });
  } },
  { name: 'a slow reader of watch() is given the newest, not everything that was', late: unseen, async check(bench) {
    const key = `${await bench.service()}${first}`;
    const iterator = bench.store.watch(`${base}/Arith/`, { signal: bench.signal })[Symbol.asyncIterator]();
    await iterator.next();
    for (let count = 0; count < 20; count++) await bench.put(key, `count=${count}`);
    await bench.read(`${base}/Arith/`).until({ [key]: 'count=19' });
    const said: (string | undefined)[] = [];
    while (said.at(-1) !== 'count=19') {
      const { value, done } = await iterator.next();
      claim(done !== true, 'watch() ended while it was read slowly');
      said.push(value.get(key));
      claim(said.length <= 4, `a reader that slept through 20 changes was given ${show(said)}, one after the other; keep the newest only`);
    }
    await iterator.return?.();
  } },
];

const ends: readonly StoreRule[] = [
  { name: 'a signal that has aborted before ends every operation with its reason', late: unended, async check(bench) {
    const key = `${await bench.service()}${first}`;
    await bench.put(key, 'here');
    const reason = new Error('before the beginning');
    for (const [name, operate] of operations(bench.store, key)) {
      const error = await operate(AbortSignal.abort(reason)).then((said) => `said ${show(said)}`, (thrown: unknown) => thrown);
      claim(error === reason, `${name} under a signal that had aborted ${typeof error === 'string' ? error : `rejected with ${String(error)}`} instead of rejecting with the signal's reason`);
    }
    for (const [name, follow] of followings(bench.store, `${base}/Arith/`)) await endsWell(name, follow(AbortSignal.abort(reason)), reason);
    await bench.expectList(`${base}/Arith/`, { [key]: 'here' });
  } },
  { name: 'a signal that aborts meanwhile ends every operation, with its reason or with the answer', late: unended, async check(bench) {
    const key = `${await bench.service()}${first}`;
    for (const [name, operate] of operations(bench.store, key)) {
      for (const turns of [0, 1, 3]) {
        const controller = new AbortController();
        const reason = new Error('meanwhile');
        const settled = operate(controller.signal).then(() => reason, (thrown: unknown) => thrown);
        for (let turn = 0; turn < turns; turn++) await Promise.resolve();
        controller.abort(reason);
        const error = await settled;
        claim(error === reason, `${name} rejected with ${String(error)} when its signal aborted, instead of the signal's reason`);
      }
    }
    await bench.put(key, 'it works on');
    await bench.expect(key, 'it works on', true);
  } },
  { name: 'what goes on ends when its signal aborts', late: unended, async check(bench) {
    const prefix = await bench.service();
    for (const [name, follow] of followings(bench.store, prefix)) {
      const controller = new AbortController();
      const reason = new Error('the reader has left');
      const followed = follow(controller.signal);
      followed.catch(() => {}); // looked at below
      await bench.put(`${prefix}${first}`, name);
      controller.abort(reason);
      await endsWell(name, followed, reason);
    }
  } },
  { name: 'every operation ends when its signal aborts although the backend is silent', late: unended, needs: 'freeze', async check(bench) {
    const key = `${await bench.service()}${first}`;
    await bench.put(key, 'here');
    const reader = bench.read(`${base}/Arith/`);
    await reader.until({ [key]: 'here' });
    await bench.rig.freeze?.();
    for (const [name, operate] of operations(bench.store, key)) {
      const controller = new AbortController();
      const reason = new Error('meanwhile');
      const settled = operate(controller.signal).then((said) => `said ${show(said)}`, (thrown: unknown) => thrown);
      controller.abort(reason);
      const error = await settled;
      claim(error === reason, `${name} of a silent backend ${typeof error === 'string' ? error : `rejected with ${String(error)}`} when its signal aborted, instead of rejecting with the signal's reason`);
    }
    for (const [name, follow] of followings(bench.store, `${base}/Arith/`)) {
      const controller = new AbortController();
      const followed = follow(controller.signal);
      followed.catch(() => {}); // looked at below
      await Promise.resolve();
      const reason = new Error('meanwhile');
      controller.abort(reason);
      await endsWell(name, followed, reason);
    }
  } },
  { name: 'close() settles although the backend is silent', late: 'close() did not settle', needs: 'freeze', async check(bench) {
    const key = `${await bench.service()}${first}`;
    await bench.put(key, 'here');
    const reader = bench.read(`${base}/Arith/`);
    await reader.until({ [key]: 'here' });
    await bench.rig.freeze?.();
    await bench.store.close();
    await reader.ended();
  } },
  { name: 'abandon() settles everything that waits, and close() behind it', late: 'an operation did not settle, or close()', async check(bench) {
    const prefix = await bench.service();
    const reader = bench.read(prefix);
    await reader.until({});
    if (bench.store.abandon === undefined) await bench.store.close();
    bench.store.abandon?.();
    bench.store.abandon?.();
    await reader.ended();
    await bench.store.get(`${prefix}${first}`, bench.bounded).catch(() => {});
    await bench.store.close();
    await bench.put(`${prefix}${first}`, 'the other works on', bench.other);
  } },
];

/** Ending is enough; a failure must be the signal's reason. */
async function endsWell(name: string, followed: Promise<void>, reason: Error): Promise<void> {
  const error = await followed.then(() => reason, (thrown: unknown) => thrown);
  claim(error === reason, `${name} failed with ${String(error)} when its signal aborted: end, or reject with the signal's reason`);
}

const closing: readonly StoreRule[] = [
  { name: 'close() settles before the first use, and twice', late: 'close() did not settle', async check(bench) {
    await bench.store.close();
    await Promise.all([bench.store.close(), bench.store.close()]);
    await bench.service('Arith', bench.other);
    await Promise.all([bench.other.close(), bench.other.close()]);
  } },
  { name: 'close() takes away what is owned, and nothing else', late: unseen, async check(bench) {
    const prefix = await bench.service();
    await bench.put(`${prefix}${first}`, 'ours');
    await bench.put(`${prefix}${second}`, 'of the other', bench.other);
    const reader = bench.read(prefix, bench.other);
    await reader.until({ [`${prefix}${first}`]: 'ours', [`${prefix}${second}`]: 'of the other' });
    await bench.store.close();
    await bench.expectList(prefix, { [`${prefix}${second}`]: 'of the other' }, bench.other);
    await reader.until({ [`${prefix}${second}`]: 'of the other' });
    await bench.expect(`${prefix}${second}`, 'of the other', true, bench.other);
    await bench.put(`${prefix}${second}`, 'it works on', bench.other);
    await reader.until({ [`${prefix}${second}`]: 'it works on' });
  } },
  { name: 'close() ends what goes on', late: 'watch() or sessionLost() did not end when the store was closed', async check(bench) {
    const prefix = await bench.service();
    const reader = bench.read(prefix);
    await reader.until({});
    const losses = bench.store.sessionLost(bench.bounded)[Symbol.asyncIterator]().next().then(({ done }) => done, () => true);
    await bench.store.close();
    await reader.ended();
    claim((await losses) !== false, 'sessionLost() yielded when the store was closed; nothing is to be written again');
  } },
  { name: 'a store that was closed refuses every operation', late, async check(bench) {
    const key = `${await bench.service()}${first}`;
    await bench.put(key, 'here');
    await bench.store.close();
    for (const [name, operate] of operations(bench.store, key)) await refusedAsClosed(name, () => operate(bench.signal));
    await refusedAsClosed('watch()', () => bench.store.watch(`${base}/Arith/`, bench.bounded)[Symbol.asyncIterator]().next());
  } },
  { name: 'leaves no timer of its clock behind', late: 'close() did not settle', async check(bench) {
    const prefix = await bench.service();
    await bench.put(`${prefix}${first}`, 'ours');
    const reader = bench.read(prefix);
    await reader.until({ [`${prefix}${first}`]: 'ours' });
    for (const store of [bench.store, bench.other]) await store.close();
    await reader.ended();
    for (let turns = 0; turns < 20; turns++) await Promise.resolve();
    claim(bench.runtime.armed === 0, `${bench.runtime.armed} timer(s) of its clock wait after close()`);
  } },
];

const sessions: readonly StoreRule[] = [
  { name: 'sessionLost() yields when the session has ended, and what was owned can be written again', late: 'sessionLost() did not yield', needs: 'loseSession', async check(bench) {
    const prefix = await bench.service();
    const key = `${prefix}${first}`;
    await bench.put(key, 'ours');
    await bench.put(`${prefix}${second}`, 'of the other', bench.other);
    const losses = bench.store.sessionLost(bench.bounded)[Symbol.asyncIterator]();
    const lost = losses.next();
    await bench.rig.loseSession?.(bench.store);
    claim((await lost).done !== true, 'sessionLost() ended instead of yielding');
    await untilWritten(bench.store, key, bench.signal);
    await bench.expect(key, 'again', true);
    await bench.expect(key, 'again', false, bench.other);
    await bench.expect(`${prefix}${second}`, 'of the other', true, bench.other);
    await losses.return?.();
  } },
  { name: 'what is owned by a session that has ended is gone, and watch() says so', late: unseen, needs: 'loseSession', async check(bench) {
    const prefix = await bench.service();
    await bench.put(`${prefix}${first}`, 'ours');
    const reader = bench.read(prefix, bench.other);
    await reader.until({ [`${prefix}${first}`]: 'ours' });
    await bench.rig.loseSession?.(bench.store);
    await reader.until({});
    await bench.expectNothing(`${prefix}${first}`, bench.other);
  } },
  { name: 'what is owned by a process that has died goes when its time is over', late: unseen, needs: 'expire', async check(bench) {
    const prefix = await bench.service();
    await bench.put(`${prefix}${first}`, 'ours');
    await bench.put(`${prefix}${second}`, 'of the other', bench.other);
    const reader = bench.read(prefix, bench.other);
    await reader.until({ [`${prefix}${first}`]: 'ours', [`${prefix}${second}`]: 'of the other' });
    await bench.rig.expire?.(bench.store);
    await bench.expectList(prefix, { [`${prefix}${second}`]: 'of the other' }, bench.other);
    await reader.until({ [`${prefix}${second}`]: 'of the other' });
  } },
];

/** Until the new session stands, writing may fail; the kit tries again, too. */
async function untilWritten(store: StoreUnderTest, key: string, signal: AbortSignal): Promise<void> {
  for (;;) {
    const failure = await store.putOwned(key, 'again', { signal, ttlMs }).then((written) => (written ? undefined : new Error('it said false')), (error: unknown) => error);
    if (failure === undefined) return;
    await sleep(systemClock, 20, signal);
  }
}

/** How a store tells of changes, and how it ends. */
export const lifeRules: readonly StoreRule[] = [...watching, ...ends, ...closing, ...sessions];
