import type { Discovery, ServiceInstance } from '@rpcxjs/core';
import { claim, conformanceCase, within } from './case.ts';
import type { ConformanceCase } from './case.ts';
import { same, show } from './compare.ts';
import { checkList, CountingRuntime, ListReader } from './list-reader.ts';

/** A discovery and a function that changes what it finds. */
export interface DiscoveryRig {
  readonly discovery: Discovery;
  /** Makes the list of that service this one; what it returns settles when the backend has it. A discovery that never changes has none, and finds at least one instance of every service. */
  set?(service: string, instances: readonly ServiceInstance[]): void | Promise<void>;
  /** Ends what `create` began. */
  close?(): void | Promise<void>;
}

/** What a discovery can do. Each is assumed; set the ones to false that it cannot. */
export interface DiscoverySupports {
  /** What it finds can change, by `set`. @default true */
  readonly changes?: boolean | undefined;
  /** Each service has a list of its own. @default true */
  readonly services?: boolean | undefined;
  /** An empty list is said at once, not held back as a suspicion. @default true */
  readonly emptyLists?: boolean | undefined;
  /** Metadata comes with each instance. @default true */
  readonly metadata?: boolean | undefined;
}

export interface DiscoveryCasesOptions {
  /** Makes the discovery, and a way to change what it finds; called once for each case. */
  readonly create: () => DiscoveryRig | Promise<DiscoveryRig>;
  /** What it can do; each is assumed. */
  readonly supports?: DiscoverySupports | undefined;
  /** The deadline of each case in milliseconds: how long a change may take to arrive, several times. @default 5000 */
  readonly deadlineMs?: number | undefined;
}

interface Rule {
  readonly name: string;
  readonly late: string;
  readonly needs?: readonly (keyof DiscoverySupports)[] | undefined;
  check(bench: Bench): Promise<void>;
}

const service = 'Conformance';
const at = (name: string, metadata: ServiceInstance['metadata'] = {}): ServiceInstance => ({ address: `tcp@192.0.2.${name}:8972`, metadata });
const address = (name: string): string => at(name).address;

/** One rig and the readers of one case. */
class Bench {
  readonly rig: DiscoveryRig;
  readonly readers: ListReader[] = [];
  readonly #patienceMs: number;

  constructor(rig: DiscoveryRig, deadlineMs: number) {
    this.rig = rig;
    this.#patienceMs = deadlineMs * 0.8;
  }
  read(name = service): ListReader {
    const reader = new ListReader(this.rig.discovery, name, this.#patienceMs);
    this.readers.push(reader);
    return reader;
  }
  /** After the deadline, too. */
  close(deadlineMs: number): Promise<void> {
    return within(deadlineMs, 'a reader did not come to an end when its signal aborted, or close() did not settle', async () => {
      await Promise.all(this.readers.map((reader) => reader.close()));
      await this.rig.close?.();
    });
  }
  /** Where it cannot be set, what is there must do. */
  async set(...names: readonly string[]): Promise<void> {
    await this.rig.set?.(service, names.map((name) => at(name)));
  }
}

const noFirst = 'it has not said the whole list to a new reader at once';
const noEnd = 'a reader has not come to an end';

const rules: readonly Rule[] = [
  { name: 'says the whole list at once to everyone who begins to read', late: noFirst, async check(bench) {
    await bench.set('3', '1', '2');
    const early = bench.read();
    const list = await early.until('a list', (one) => one.length > 0);
    if (bench.rig.set !== undefined) await early.untilNames(address('1'), address('2'), address('3'));
    const late = bench.read();
    await late.untilNames(...list.map((one) => one.address));
  } },
  { name: 'says the metadata of each instance, repeated keys in their order', late: 'the metadata have not arrived', needs: ['changes', 'metadata'], async check(bench) {
    const metadata = { weight: '3', group: ['b', 'a'], text: 'ß & = + % ; "' };
    await bench.rig.set?.(service, [at('1', metadata), at('2')]);
    const reader = bench.read();
    const list = await reader.untilNames(address('1'), address('2'));
    const found = list.find((one) => one.address === address('1'));
    claim(same(found?.metadata, metadata), `it said the metadata ${show(found?.metadata)} instead of ${show(metadata)}`);
  } },
  { name: 'says the whole list again after each change', late: 'a change has not arrived', needs: ['changes'], async check(bench) {
    await bench.set('1', '2');
    const reader = bench.read();
    await reader.untilNames(address('1'), address('2'));
    await bench.set('1', '2', '3');
    await reader.untilNames(address('1'), address('2'), address('3'));
    await bench.set('2', '3');
    await reader.untilNames(address('2'), address('3'));
    await bench.set('4', '5');
    await reader.untilNames(address('4'), address('5'));
  } },
  { name: 'says the list again when only metadata have changed', late: 'a change of metadata has not arrived', needs: ['changes', 'metadata'], async check(bench) {
    await bench.rig.set?.(service, [at('1', { weight: '1' }), at('2')]);
    const reader = bench.read();
    await reader.untilNames(address('1'), address('2'));
    await bench.rig.set?.(service, [at('1', { weight: '0', state: 'inactive' }), at('2')]);
    await reader.until('weight=0, state=inactive', (list) => list.some(({ metadata }) => metadata['weight'] === '0' && metadata['state'] === 'inactive'));
  } },
  { name: 'says that nobody is left', late: 'the empty list has not arrived', needs: ['changes', 'emptyLists'], async check(bench) {
    await bench.set('1', '2');
    const reader = bench.read();
    await reader.untilNames(address('1'), address('2'));
    await bench.set();
    await reader.untilNames();
    await bench.set('3');
    await reader.untilNames(address('3'));
  } },
  { name: 'shows a slow reader the newest list, not each one on the way', late: 'the newest list has not arrived', needs: ['changes'], async check(bench) {
    await bench.set('1', '2', '3');
    const controller = new AbortController();
    const runtime = new CountingRuntime();
    const iterator = bench.rig.discovery.watch(service, { signal: controller.signal, runtime })[Symbol.asyncIterator]();
    await iterator.next();
    const other = bench.read();
    for (let count = 4; count < 40; count++) await bench.set('1', '2', `${count}`);
    await other.untilNames(address('1'), address('2'), address('39'));
    let list: readonly ServiceInstance[] = [];
    for (let reads = 1; !list.some((one) => one.address === address('39')); reads++) {
      // One may be on its way already, and one be made while that is read.
      claim(reads <= 3, `after 36 changes a reader was shown ${reads - 1} old lists one after the other: keep the newest only`);
      const result = await iterator.next();
      claim(result.done !== true, 'it ended after the changes');
      list = result.value;
    }
    controller.abort();
    void iterator.return?.()?.catch(() => {});
  } },
  { name: 'never changes a list that it has said', late: 'the changes have not arrived', needs: ['changes'], async check(bench) {
    await bench.rig.set?.(service, [at('1', { weight: '1' }), at('2')]);
    const reader = bench.read();
    const list = await reader.untilNames(address('1'), address('2'));
    const before = JSON.stringify(list);
    await bench.rig.set?.(service, [at('1', { weight: '2' }), at('2'), at('3')]);
    await reader.untilNames(address('1'), address('2'), address('3'));
    claim(JSON.stringify(list) === before, `a list that was said earlier has changed from ${before} to ${JSON.stringify(list)}: say a new one`);
  } },
  { name: 'ends a reader that waits when its signal aborts', late: noEnd, async check(bench) {
    await bench.set('1', '2');
    const controller = new AbortController();
    const iterator = bench.rig.discovery.watch(service, { signal: controller.signal, runtime: new CountingRuntime() })[Symbol.asyncIterator]();
    await iterator.next();
    const waiting = iterator.next();
    const reason = new Error('the reader has left');
    controller.abort(reason);
    const result = await waiting.catch((error: unknown) => {
      claim(error === reason, `it failed with ${String(error)} when its signal aborted: end, or reject with the signal's reason`);
    });
    claim(result === undefined || result.done === true || (await iterator.next()).done === true, 'it goes on although its signal has aborted');
  } },
  { name: 'ends under a signal that has aborted before', late: noEnd, async check(bench) {
    await bench.set('1', '2');
    const reason = new Error('before the beginning');
    try {
      let lists = 0;
      for await (const list of bench.rig.discovery.watch(service, { signal: AbortSignal.abort(reason), runtime: new CountingRuntime() })) {
        checkList(list);
        claim(++lists <= 1, 'it goes on under a signal that has aborted');
      }
    } catch (error) {
      if (error !== reason) throw error;
    }
  } },
  { name: 'lets a reader go that has read enough, and goes on for the others', late: noEnd, async check(bench) {
    await bench.set('1', '2');
    const other = bench.read();
    await other.until('a list', (list) => list.length > 0);
    const { signal } = new AbortController();
    for await (const list of bench.rig.discovery.watch(service, { signal, runtime: new CountingRuntime() })) {
      claim(list.length > 0, 'its first list is empty');
      break;
    }
    if (bench.rig.set === undefined) return;
    await bench.set('2', '3');
    await other.untilNames(address('2'), address('3'));
  } },
  { name: 'leaves no timer behind', late: noEnd, async check(bench) {
    await bench.set('1', '2');
    const reader = bench.read();
    await reader.until('a list', (list) => list.length > 0);
    await reader.close();
    for (let turns = 0; turns < 20; turns++) await Promise.resolve();
    claim(reader.runtime.armed === 0, `${reader.runtime.armed} timer(s) of its clock wait although the reader has left`);
  } },
  { name: 'keeps services apart', late: 'a list has not arrived', needs: ['changes', 'services'], async check(bench) {
    await bench.set('1', '2');
    await bench.rig.set?.('Conformance2', [at('3'), at('4')]);
    const [one, other] = [bench.read(), bench.read('Conformance2')];
    await one.untilNames(address('1'), address('2'));
    await other.untilNames(address('3'), address('4'));
  } },
  { name: 'says an empty list of a service that nobody offers, whatever it is called', late: noFirst, needs: ['changes', 'services', 'emptyLists'], async check(bench) {
    await bench.set('1', '2');
    for (const name of ['Nobody', '__proto__', 'constructor', '../Conformance', 'Conformance/', 'ß €', 'x'.repeat(200)]) await bench.read(name).untilNames();
  } },
];

/** The cases that every discovery must pass. Give them to any test runner: `for (const one of discoveryCases({ … })) it(one.name, one.run)`. */
export function discoveryCases(options: DiscoveryCasesOptions): ConformanceCase[] {
  const { create, supports = {}, deadlineMs = 5000 } = options;
  return rules.map((rule) => {
    const lacking = rule.needs?.find((need) => supports[need] === false);
    const skip = lacking === undefined ? undefined : `it does not support ${lacking}`;
    let bench: Bench | undefined;
    const one = conformanceCase(`discovery: ${rule.name}`, { late: rule.late, skip, deadlineMs }, async () => {
      const rig = await create();
      bench = new Bench(rig, deadlineMs);
      claim(supports.changes === false || rig.set !== undefined, 'create() gave no set(): say supports: { changes: false } for a discovery that never changes');
      await rule.check(bench);
    });
    const run = async (): Promise<void> => {
      try {
        await one.run();
      } catch (error) {
        await bench?.close(deadlineMs).catch(() => {}); // what broke first says more
        throw error;
      }
      await bench?.close(deadlineMs);
    };
    return { ...one, run };
  });
}
