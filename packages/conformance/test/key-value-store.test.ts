import { consoleLogger, systemClock } from '@rpcxjs/core';
import { describe, expect, it } from 'vitest';
import { keyValueStoreCases } from '../src/index.ts';
import type { KeyValueStoreRig, StoreContext } from '../src/index.ts';
import { SharedBackend, SharedStore } from './shared-store.ts';
import type { StoreDefect } from './shared-store.ts';

const runtime = { clock: systemClock, logger: consoleLogger(systemClock) };
function rig(context: StoreContext, defect?: StoreDefect): KeyValueStoreRig {
  const backend = new SharedBackend();
  return {
    store: backend.open(context, defect),
    other: backend.open(context, defect),
    loseSession: (store) => void (store instanceof SharedStore && store.loseSession()),
    expire: (store) => void (store instanceof SharedStore && store.expire()),
    freeze: () => backend.freeze(),
    thaw: () => backend.thaw(),
  };
}

const honest = keyValueStoreCases({ create: (context) => rig(context) });
for (const one of honest) it(one.name, one.run);

/** The names of the cases that it fails, with what they say. */
async function verdicts(defect: StoreDefect): Promise<ReadonlyMap<string, string>> {
  const failed = new Map<string, string>();
  await Promise.all(keyValueStoreCases({ create: (context) => rig(context, defect), deadlineMs: 400 }).map(async ({ name, run }) => {
    await run().catch((error: Error) => failed.set(name.replace('key-value store: ', ''), error.message));
  }));
  return failed;
}

/** The defect, the cases that must find it, and what they must say; with true, others find it too. */
const defects: readonly (readonly [StoreDefect, readonly string[], RegExp, boolean?])[] = [
  ['finds what was not put', ['get() and list()', 'putOwned() with ifVersion does'], /there is no such key/, true],
  ['lists only its own', ['get() and list()'], /list\(.*instead of/, true],
  ['lists neighbours', ['services whose names', 'get() and list()'], /list\(.*said Array .*instead of Array/, true],
  ['takes keys as patterns', ['keys with characters'], /said the value "of \^\.\*\$" instead of "of \*"/],
  ['cuts keys at slashes', ['keys may have slashes'], /Arith\/a\.sock/],
  ['normalizes keys', ['keys may have any'], /instead of/],
  ['loses empty values', ['values are any'], /found nothing instead of ""/],
  ['cuts long values', ['a value of'], /said the value "long/],
  ['says an object', ['list() of a', 'get() and list()'], /it says a Map/, true],
  ['fails for what is not there', ['list() of a', 'get() and list()'], /no such key/, true],
  ['persistent overwrites', ['putPersistent() leaves alone'], /"something else" instead of "Arith"/],
  ['persistent is owned', ['what putPersistent() wrote', 'putPersistent() leaves alone'], /owned: true to the first store/],
  ['persistent dies', ['what putPersistent() wrote', 'putPersistent() leaves alone', 'putOwned() takes over'], /(owned|foreign): true to the first store/],
  ['everybody owns', ['owned is true'], /owned: true to the other store/, true],
  ['own keys are foreign', ['owned is true'], /foreign: true to the first store; the key belongs to no other store/],
  ['keys of nobody are foreign', ['putOwned() takes over'], /foreign: true to the first store; the key belongs to no other store/],
  ['does not take over', ['putOwned() takes over', 'owned is true'], /owned: (false to the first|true to the first|false to the other) store/, true],
  ['close takes what was taken over', ['a key that'], /found nothing instead of "two"/],
  ['version of the value', ['each write makes'], /is "#the same" again after another write/],
  ['version by key', ['of two that', 'each write makes', 'putOwned() with ifVersion writes'], /again after another write|did not say|said (true|Array)|instead of false/],
  ['restless version', ['putOwned() with ifVersion writes', 'each write makes'], /changes by itself|did not write/],
  ['ignores ifVersion', ['of two that', 'putOwned() with ifVersion does', 'putOwned() with ifVersion writes'], /instead of false|must have come second/],
  ['ifVersion creates', ['putOwned() with ifVersion does'], /of a key that is gone, instead of false/],
  ['checks late', ['of two that'], /\[true,true\]; one of them must have come second/],
  ['deletes what others own', ['what putPersistent() wrote', 'deleteOwned() deletes what'], /deleted a persistent key|of the other store did not say false/],
  ['says true for what it did not delete', ['deleteOwned() deletes what', 'what putPersistent() wrote'], /does not exist did not say false|deleted a persistent key/],
  ['touch creates', ['touchOwned() touches what'], /there is no such key/],
  ['touches what others own', ['touchOwned() touches what'], /of a key of the other store did not say false/],
  ['watch says nothing at first', ['watch() says everything'], /it said nothing/, true],
  ['watch begins with nothing', ['the first that'], /the first that watch\(\) said is Array \[\] instead of/],
  ['watch sees no change of values', ['watch() sees what', 'watch() says everything', 'close() takes away'], /has not been said|the last it said was/],
  ['watch sees no writes of others', ['watch() says that', 'watch() sees what', 'watch() says everything'], /has not been said|the last it said was|it said nothing/],
  ['watch says nothing of nothing', ['watch() says that'], /it said nothing/, true],
  ['watch sees neighbours', ['watch() of one'], /said the key/, true],
  ['watch says only what is new', ['a slow reader', 'watch() says everything'], /one after the other|has not been said|the last it said was/],
  ['one watch only', ['a reader that', 'watch() of one', 'a slow reader'], /watch\(\) ended/],
  ['watch queues', ['a slow reader'], /slept through 20 changes/],
  ['ignores the signal before', ['a signal that has', 'every operation ends'], /instead of rejecting with the signal's reason/],
  ['own error for the signal', ['a signal that aborts', 'every operation ends'], /it was cancelled/],
  ['watch ignores the signal', ['what goes on'], /did not end when its signal aborted/, true],
  ['watch fails with its own error', ['what goes on'], /the socket was closed/, true],
  ['waits for the backend', ['every operation ends'], /did not end when its signal aborted/],
  ['close waits for the backend', ['close() settles although'], /close\(\) did not settle/],
  ['abandon leaves readers', ['abandon() settles everything'], /did not settle/],
  ['second close fails', ['close() settles before'], /it was closed/, true],
  ['close leaves keys', ['putOwned() takes over', 'close() takes away'], /there is no such key|instead of/],
  ['close takes everything', ['what putPersistent() wrote', 'a key that', 'close() takes away'], /found nothing|instead of/],
  ['close leaves readers', ['close() settles although', 'close() ends what', 'leaves no timer'], /did not/],
  ['close yields a loss', ['close() ends what'], /nothing is to be written again/],
  ['works on after close', ['a store that'], /get\(\) after close\(\) said undefined/],
  ['plain error after close', ['a store that'], /instead of an RpcError with reason CLOSED/],
  ['forgets a timer', ['leaves no timer'], /2 timer\(s\)/],
  ['no loss', ['sessionLost() yields when'], /did not yield/],
  ['loss is the end', ['sessionLost() yields when'], /ended instead of yielding/],
  ['keys outlive the session', ['what is owned by a session'], /has not been said|the last it said was/],
  ['watch misses expiry', ['what is owned by a session', 'close() takes away', 'what is owned by a process'], /has not been said|the last it said was/],
];

describe('a store that breaks a rule fails the cases of that rule', () => {
  for (const [defect, names, message, wide = false] of defects) {
    it(`${defect}: ${names.join(', ')}`, async () => {
      const failed = await verdicts(defect);
      for (const name of names) expect([...failed].find(([one]) => one.startsWith(name))?.[1], name).toMatch(message);
      if (!wide) expect([...failed.keys()].filter((one) => !names.some((name) => one.startsWith(name)))).toEqual([]);
    });
  }

  it('every case has found something', () => {
    const found = new Set(defects.flatMap(([, names]) => names));
    expect(honest.map(({ name }) => name.replace('key-value store: ', '')).filter((one) => ![...found].some((name) => one.startsWith(name)))).toEqual([]);
  });

  it('skips what a backend cannot do, and says which hand is missing', async () => {
    const { store, other } = rig({ runtime, ttlMs: 1, timeoutMs: 1, signal: new AbortController().signal });
    const cases = keyValueStoreCases({ create: () => ({ store, other }), supports: { anyKey: false, slashes: false, touchOwned: false, loseSession: false, expire: false } });
    expect(cases.flatMap(({ skip }) => skip ?? [])).toEqual(['anyKey', 'slashes', 'touchOwned', 'loseSession', 'loseSession', 'expire'].map((name) => `it does not support ${name}`));
    await expect(cases.find(({ name }) => name.includes('close() settles although'))?.run()).rejects.toThrow('create() gave no freeze(): say supports: { freeze: false } without it');
  });
});
