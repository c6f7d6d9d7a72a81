import { getEventListeners } from 'node:events';
import { describe, expect, it } from 'vitest';
import { createClient, failover, type Dialer, type ServerCall } from '../src/index.ts';
import { deferred, failure, pair, until, type Pair } from './pair.ts';

const listeners = (signal: AbortSignal): number => getEventListeners(signal, 'abort').length;

/** A handler that says when it began and when its signal fired. */
async function watched(): Promise<{ both: Pair; begun: Promise<ServerCall>; stopped: Promise<unknown>; finish(): void }> {
  const begun = deferred<ServerCall>();
  const stopped = deferred<unknown>();
  const door = deferred();
  const both = await pair((server) =>
    server.registerFunction('Slow', 'Down', async (_: never, call) => {
      call.signal.addEventListener('abort', () => stopped.resolve(call.signal.reason));
      begun.resolve(call);
      await door.promise;
      return 'done';
    }),
  );
  return { both, begun: begun.promise, stopped: stopped.promise, finish: () => door.resolve() };
}

describe('D4: a cancelled call', () => {
  it('before it is sent never reaches the server', async () => {
    const { both } = await watched();
    await using _ = both;
    const controller = new AbortController();
    controller.abort(new Error('bored'));
    const error = await failure(both.client.call('Slow', 'Down', null, { signal: controller.signal }));
    expect(error).toMatchObject({ code: 'canceled', reason: 'ABORTED', sent: false, cause: controller.signal.reason as Error });
    const waiting = new AbortController();
    const call = failure(both.client.call('Slow', 'Down', null, { signal: waiting.signal }));
    waiting.abort();
    expect((await call).code).toBe('canceled');
    expect(listeners(waiting.signal)).toBe(0);
    await both.client.call('Slow', 'Nothing', null).catch(() => {});
    expect(both.server.stats().calls).toBe(1);
  });

  it('in flight stops the handler of a TypeScript server, which answers nothing', async () => {
    const { both, begun, stopped, finish } = await watched();
    await using _ = both;
    const controller = new AbortController();
    const call = failure(both.client.call('Slow', 'Down', null, { signal: controller.signal }));
    await begun;
    await until(() => [...both.server.peers()].every((peer) => peer.capabilities.has('cancel.1')));
    controller.abort('enough');
    expect(await call).toMatchObject({ code: 'canceled', sent: true, cause: 'enough' });
    expect(await stopped).toMatchObject({ code: 'canceled' });
    expect(listeners(controller.signal)).toBe(0);
    finish();
    await until(() => both.server.stats().running === 0);
    expect(await failure(both.client.call('Slow', 'Nothing', null))).toMatchObject({ reason: 'UNKNOWN_METHOD' });
    expect(both.client.stats()).toMatchObject({ lateReplies: 0, active: 0 });
  });

  it('asked for before the server has introduced itself is told afterwards', async () => {
    const { both, begun, stopped } = await watched();
    await using _ = both;
    const dial: Dialer['dial'] = async (address, options) => {
      const connection = await both.network.dial(address, options);
      both.network.change({ blackHole: 'toClient' });
      return connection;
    };
    const client = createClient({ servers: both.address, transports: [{ networks: ['memory'], dial }] });
    const controller = new AbortController();
    const call = failure(client.call('Slow', 'Down', null, { signal: controller.signal }));
    await begun;
    controller.abort();
    await call;
    both.network.change({ blackHole: 'none' });
    expect(await stopped).toMatchObject({ code: 'canceled' });
    client.abort();
  });

  it('after its reply changes nothing, and leaves no listener', async () => {
    await using both = await pair((server) => server.registerFunction('Echo', 'It', (input: unknown) => input));
    const controller = new AbortController();
    expect(await both.client.call('Echo', 'It', 1, { signal: controller.signal })).toBe(1);
    expect(listeners(controller.signal)).toBe(0);
    controller.abort();
    expect(await both.client.call('Echo', 'It', 2)).toBe(2);
    expect(both.client.stats()).toMatchObject({ succeeded: 2, failed: 0 });
  });

  it('I3 in short: ten thousand calls with one signal leave no listener', async () => {
    await using both = await pair((server) => server.registerFunction('Echo', 'It', (input: unknown) => input));
    const { signal } = new AbortController();
    for (let round = 0; round < 100; round++) await Promise.all(Array.from({ length: 100 }, (_value, index) => both.client.call('Echo', 'It', index, { signal })));
    expect(listeners(signal)).toBe(0);
  });

  it('between two attempts is not tried again', async () => {
    await using both = await pair(() => {}, { client: { servers: 'memory@nobody', timeoutMs: Infinity, failMode: failover({ retries: 50, backoffMs: 60_000, maxBackoffMs: 60_000 }) } });
    const controller = new AbortController();
    const call = failure(both.client.call('A', 'B', null, { signal: controller.signal }));
    await until(() => both.client.stats().retries === 1);
    controller.abort();
    expect((await call).code).toBe('canceled');
    expect(both.client.stats()).toMatchObject({ active: 0, retries: 1 });
  });
});

describe('a handler’s signal', () => {
  it('fires when the caller disconnects', async () => {
    const { both, begun, stopped } = await watched();
    await using _ = both;
    const call = failure(both.client.call('Slow', 'Down', null));
    await begun;
    both.client.abort();
    expect(await stopped).toMatchObject({ reason: expect.stringMatching(/CONNECTION_LOST|CLOSED/) as string });
    expect(await call).toMatchObject({ reason: 'CLOSED' });
  });

  it('fires when the server stops waiting for it', async () => {
    const { both, begun, stopped, finish } = await watched();
    await using _ = both;
    // Whether the handler's last word still gets through is a matter of microseconds.
    const call = both.client.call('Slow', 'Down', null).catch((error: { code: string }) => error.code);
    await begun;
    const closing = both.server.close({ graceMs: 10 });
    expect(await stopped).toMatchObject({ reason: 'DRAINING' });
    finish();
    await closing;
    expect(['done', 'unavailable']).toContain(await call);
  });
});
