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

  it('but one that makes something of a deadline is heard', async () => {
    const instead = (next: (call: never) => unknown) => async (call: never) => {
      try {
        return await next(call);
      } catch {
        return { output: 'from the cache', metadata: {} };
      }
    };
    await using both = await slow({ intercept: [instead] });
    expect(await both.client.call('A', 'B', null, { timeoutMs: 30 })).toBe('from the cache');
  });
});
