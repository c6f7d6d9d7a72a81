import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { failure, pair } from './pair.ts';

const forever = () => () => new Promise<never>(() => {});
const slow = (options: object) => pair((server) => server.registerFunction('A', 'B', () => new Promise(() => {})), { client: options });

describe('an interceptor of calls that never makes up its mind', () => {
  it('does not hold a call up beyond its deadline', async () => {
    await using both = await pair(() => {}, { client: { intercept: [forever] } });
    expect(await failure(both.client.call('A', 'B', null, { timeoutMs: 30 }))).toMatchObject({ code: 'deadline_exceeded', reason: 'TIMEOUT', sent: false });
  });

  it('nor a caller who cancels', async () => {
    await using both = await pair(() => {}, { client: { intercept: [forever] } });
    const controller = new AbortController();
    const call = failure(both.client.call('A', 'B', null, { timeoutMs: Infinity, signal: controller.signal }));
    controller.abort('enough');
    expect(await call).toMatchObject({ code: 'canceled', reason: 'ABORTED', cause: 'enough' });
  });

  it('nor when it keeps the failure of the call for itself', async () => {
    const keeps = (next: (call: never) => unknown) => (call: never) => Promise.resolve(next(call)).catch(() => new Promise<never>(() => {}));
    await using both = await slow({ intercept: [keeps] });
    expect(await failure(both.client.call('A', 'B', null, { timeoutMs: 30 }))).toMatchObject({ code: 'deadline_exceeded', sent: true });
  });

  const fromTheCache = (next: (call: never) => unknown) => async (call: never) => {
    try {
      return await next(call);
    } catch {
      return { output: 'from the cache', metadata: {} };
    }
  };

  it('but one that makes something of a deadline is heard', async () => {
    await using both = await slow({ intercept: [fromTheCache] });
    expect(await both.client.call('A', 'B', null, { timeoutMs: 30 })).toBe('from the cache');
  });

  it('even when the process was busy long beyond the deadline', async () => {
    await using both = await slow({ intercept: [fromTheCache] });
    await both.client.ready();
    const call = both.client.call('A', 'B', null, { timeoutMs: 30 });
    await turn();
    const busyUntil = performance.now() + 120;
    while (performance.now() < busyUntil);
    expect(await call).toBe('from the cache');
  });
});
