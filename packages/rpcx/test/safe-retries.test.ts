import { describe, expect, it } from 'vitest';
import { RpcError, type ClientPlugin } from '../src/index.ts';
import { deferred, failure, pair, type Pair } from './pair.ts';

/** A handler that counts its runs. */
async function counting(client: NonNullable<Parameters<typeof pair>[1]>['client'] = {}): Promise<{ readonly both: Pair; readonly runs: () => number }> {
  let runs = 0;
  const both = await pair((server) => server.registerFunction('Once', 'Run', () => { runs += 1; return runs; }), { client });
  return { both, runs: () => runs };
}
const unsent = (): RpcError => new RpcError('unavailable', 'of another client', { sent: false });

describe('D5: what is not idempotent runs once', () => {
  it('although a call that its handler made was refused elsewhere', async () => {
    const door = deferred();
    const begun = deferred();
    await using busy = await pair((server) => server.registerFunction('Far', 'Go', async () => { begun.resolve(); await door.promise; }), {
      server: { limits: { maxCalls: 1, maxQueuedCalls: 0 } },
      client: { failMode: { name: 'once', next: () => 'give-up' } },
    });
    const held = busy.client.call('Far', 'Go', 1);
    await begun.promise;
    let runs = 0;
    await using middle = await pair((server) => server.registerFunction('Near', 'Go', () => { runs += 1; return busy.client.call('Far', 'Go', 2); }));
    expect(await failure(middle.client.call('Near', 'Go', 1))).toMatchObject({ code: 'unavailable', reason: 'OVERLOADED' });
    expect(runs).toBe(1);
    door.resolve();
    await held;
  });

  it('although reading its reply failed with an error that says unsent', async () => {
    const { both, runs } = await counting();
    await using _ = both;
    expect(await failure(both.client.call('Once', 'Run', 1, { onReply: () => { throw unsent(); } }))).toMatchObject({ message: 'of another client' });
    expect(runs()).toBe(1);
  });

  it('although an interceptor of its attempt failed with an error that says unsent after the reply', async () => {
    const plugin: ClientPlugin = { name: 'metrics', interceptAttempt: (next) => async (call) => { await next(call); throw unsent(); } };
    const { both, runs } = await counting({ plugins: [plugin] });
    await using _ = both;
    expect(await failure(both.client.call('Once', 'Run', 1))).toMatchObject({ message: 'of another client' });
    expect(runs()).toBe(1);
  });
});
