import { AsyncLocalStorage } from 'node:async_hooks';
import { describe, expect, it } from 'vitest';
import type { ClientOptions } from '../src/client-options.ts';
import { methodsOf } from '../src/method-refs.ts';
import { rig } from './fake-server.ts';

const user = new AsyncLocalStorage<string>();
const users = ['ada', 'bob', 'cyd'];
const who = (): string => user.getStore() ?? 'nobody';

const kinds: readonly (readonly [string, Partial<ClientOptions>])[] = [
  ['token', { token: who }],
  ['headers', { headers: [(metadata) => { metadata['__AUTH'] = who(); }] }],
];

describe.each(kinds)('the function %s is asked as if by the caller of the call', (_kind, options) => {
  const { methods } = { methods: methodsOf<{ Who(name: string): Promise<string> }>('A') };
  async function asked(more: Partial<ClientOptions> = {}) {
    const one = await rig({ ...options, ...more });
    let attempts = 0;
    one.server.onCall = (call) => {
      attempts += 1;
      if (more.failMode !== undefined && attempts <= users.length) one.server.fail(call, 'not yet');
      else one.server.reply(call, { payload: JSON.stringify(`${call.payload.toString().slice(1, -1)} as ${call.metadata['__AUTH']}`) });
    };
    return one;
  }
  const own = users.map((name) => `${name} as ${name}`);

  it('when its connection opens for several calls at once, and when it is open', async () => {
    await using one = await asked();
    for (let round = 0; round < 2; round++) {
      expect(await Promise.all(users.map((name) => user.run(name, () => one.client.call('A', 'Who', name))))).toEqual(own);
    }
    expect(await Promise.all(users.map((name) => user.run(name, () => one.client.start(methods.Who, name))))).toEqual(own);
  });

  it('at its next attempt, which begins when the reply to another call is read', async () => {
    await using one = await asked({ failMode: { name: 'again', next: ({ attempt }) => (attempt < 3 ? { again: 'same', afterMs: 0 } : 'give-up') } });
    expect(await Promise.all(users.map((name) => user.run(name, () => one.client.call('A', 'Who', name))))).toEqual(own);
  });

  it('after interceptors that wait, or that change the context or the call', async () => {
    await using one = await asked({
      intercept: [
        (next) => async (call) => { await Promise.resolve(); return next(call.with({ input: call.input })); },
        (next) => (call) => user.run(`${who()}!`, () => next(call)),
      ],
    });
    expect(await Promise.all(users.map((name) => user.run(name, () => one.client.call('A', 'Who', name))))).toEqual(users.map((name) => `${name} as ${name}!`));
  });
});
