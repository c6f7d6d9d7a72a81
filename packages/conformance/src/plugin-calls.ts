import { RpcError, systemClock, type ClientPlugin, type ServerPlugin } from '@rpcxjs/core';
import { claim } from './case.ts';
import { same, show } from './compare.ts';
import { refusal } from './plugin-service.ts';
import type { PluginBench, PluginRig, PluginRule } from './plugin-rule.ts';
import { turns } from './transport-rig.ts';

type Any = ServerPlugin & ClientPlugin;

async function failed(call: Promise<unknown>, what: string): Promise<RpcError> {
  let value: unknown;
  try {
    value = await call;
  } catch (error) {
    claim(RpcError.is(error), `${what} failed with ${show(error)}, which is no RpcError`);
    return error;
  }
  claim(false, `${what} must fail, and was answered with ${show(value)}`);
}

const values: readonly unknown[] = [0, -1.5, '', 'ß', true, null, [], [1, ['two']], {}, { a: { b: [null, 'x'] } }, 'x'.repeat(100_000)];

/** Milliseconds for a few calls, the best of some rounds. */
async function best(rig: PluginRig): Promise<number> {
  let least = Infinity;
  for (let round = 0; round < 5; round++) {
    const began = systemClock.now();
    for (let count = 0; count < 20; count++) await rig.call('Echo', count);
    least = Math.min(least, systemClock.now() - began);
  }
  return least;
}

async function cancelled({ log, start, until }: PluginBench<Any>): Promise<void> {
  const rig = await start();
  await rig.call('Echo', 1);
  const controller = new AbortController();
  const call = failed(rig.call('Wait', 1, { signal: controller.signal }), 'a call whose caller gave up');
  call.catch(() => {}); // it is looked at below, if the case comes so far
  await until(() => log.waiting === 1);
  controller.abort(new Error('enough'));
  const error = await call;
  claim(error.code === 'canceled', `a cancelled call failed with ${error.code} instead of canceled: ${error.message}`);
  await until(() => log.stopped === 1);
}

/** What a plugin leaves as it is, whatever it does. */
export const callCases: readonly PluginRule<Any>[] = [
  {
    name: 'values pass through, each call getting its own',
    late: 'a call was not answered',
    async check({ start }) {
      const rig = await start();
      for (const value of values) {
        const answer = await rig.call('Echo', value);
        claim(same(answer, value), `${show(value)} came back as ${show(answer)}`);
      }
      const answers = await Promise.all(Array.from({ length: 50 }, (_, index) => rig.call('Echo', { index })));
      claim(same(answers, Array.from({ length: 50 }, (_, index) => ({ index }))), 'calls at the same time got the answers of others');
    },
  },
  {
    name: 'a call is run once',
    late: 'a call was not answered',
    needs: 'runsOnce',
    async check({ log, start }) {
      const rig = await start();
      for (let count = 0; count < 10; count++) await rig.call('Echo', count);
      await turns();
      claim(same(log.inputs, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]), `ten calls were run as ${show(log.inputs)}: call next once`);
    },
  },
  {
    name: 'metadata passes through, both ways',
    late: 'a call was not answered',
    async check({ log, start }) {
      const rig = await start();
      let answer: Readonly<Record<string, string>> = {};
      await rig.call('Echo', 1, { metadata: { 'kit-question': 'käse' }, onReply: ({ metadata }) => (answer = metadata) });
      claim(log.metadata[0]?.['kit-question'] === 'käse', `the handler got the metadata ${show(log.metadata[0])} without what the caller had set`);
      claim(answer['kit-answer'] === 'yes', `the caller got the metadata ${show(answer)} without what the handler had set; return what next returned`);
    },
  },
  {
    name: 'an error passes through with its code, message and details',
    late: 'a call that fails did not come back',
    async check({ start }) {
      const rig = await start();
      await rig.call('Echo', 1);
      const { code, message, details } = await failed(rig.call('Fail', 1), 'a call whose handler throws');
      claim(code === refusal.code && message === refusal.message && same(details, refusal.details), `${show(refusal)} became ${show({ code, message, details })}; throw what next threw`);
    },
  },
  {
    name: 'a one-way call is run',
    late: 'a one-way call was not run',
    async check({ log, start, until }) {
      const rig = await start();
      await rig.oneway('seen');
      await until(() => log.inputs.length > 0);
      claim(same(log.inputs[0], 'seen'), `the handler got ${show(log.inputs[0])}`);
    },
  },
  { name: 'a call can be cancelled, which its handler learns', late: 'the cancel did not arrive: pass the call on that was given, or what its with() made', check: cancelled },
  {
    name: 'a deadline ends a call',
    late: 'a call with a deadline of 50 ms did not end',
    async check({ start }) {
      const rig = await start();
      await rig.call('Echo', 1);
      const { code } = await failed(rig.call('Wait', 1, { timeoutMs: 50 }), 'a call whose time is over');
      claim(code === 'deadline_exceeded', `a call whose time is over failed with ${code} instead of deadline_exceeded`);
    },
  },
  {
    name: 'what fails in an interceptor behind it passes through',
    late: 'a call that an interceptor refused did not come back',
    async check({ plugin, start }) {
      const refusing: Any = { name: 'refusing', intercept: () => () => { throw new RpcError('permission_denied', 'not you'); } };
      const rig = await start([plugin, refusing]);
      const { code } = await failed(rig.call('Echo', 1), 'a call that an interceptor refuses');
      claim(code === 'permission_denied', `permission_denied became ${code}`);
    },
  },
  {
    name: 'calls are as quick as without it',
    late: 'two hundred calls took too long',
    needs: 'quick',
    async check({ start }) {
      const without = await best(await start([]));
      const [first, second] = [await start(), await start([])];
      const baseline = Math.max(without, await best(second));
      const ms = await best(first);
      claim(ms < 10 * baseline + 20, `twenty calls took ${ms.toFixed(1)} ms with it and ${baseline.toFixed(1)} ms without`);
    },
  },
  {
    name: 'it starts and stops once, however often both sides are closed',
    late: 'a close() did not settle',
    async check({ plugin, start }) {
      let started = 0;
      let stopped = 0;
      const before: Any = { name: 'before', start: () => void (started += 1), stop: () => void (stopped += 1) };
      const rig = await start([before, plugin]);
      await rig.call('Echo', 1);
      await Promise.all([rig.close(), rig.close()]);
      await rig.close();
      claim(started === 1 && stopped === 1, `a plugin beside it was started ${started} times and stopped ${stopped} times`);
    },
  },
];

/** What a server says by itself. */
export const pushCases: readonly PluginRule<ServerPlugin>[] = [
  {
    name: 'a push passes through',
    late: 'a push did not arrive',
    async check({ start, until }) {
      const rig = await start();
      if (rig.onPush === undefined) return;
      const got: unknown[] = [];
      rig.onPush((value) => got.push(value));
      await rig.call('Say', { news: ['good'] });
      await until(() => got.length > 0);
      claim(same(got[0], { news: ['good'] }), `{ news: ['good'] } was pushed, and ${show(got[0])} arrived`);
    },
  },
];
