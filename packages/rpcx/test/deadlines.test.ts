import { setImmediate as turn } from 'node:timers/promises';
import { manualClock } from '@rpcxjs/testing';
import { describe, expect, it } from 'vitest';
import { contract, createClient, createServer, push, unary, type Peer, type ServerCall } from '../src/index.ts';
import { deferred, failure, pair, until } from './pair.ts';

describe('a deadline', () => {
  it('is ten seconds unless the caller says otherwise, travels, and ends the call on both sides', async () => {
    const clock = manualClock();
    const seen: (ServerCall | undefined)[] = [];
    const never = new Promise<void>(() => {});
    await using both = await pair((server) => server.registerFunction('Slow', 'Down', (_: never, call) => { seen.push(call); void call.signal; return never; }), { client: { clock }, server: { clock } });
    const patient = failure(both.client.call('Slow', 'Down', null));
    const hasty = failure(both.client.call('Slow', 'Down', null, { timeoutMs: 300 }));
    await clock.advanceAsync(0);
    await until(() => seen.length === 2);
    expect(seen.map((call) => call?.metadata['__ServerTimeout'])).toEqual(['10000', '300']);
    await clock.advanceAsync(310);
    expect(await hasty).toMatchObject({ code: 'deadline_exceeded', reason: 'TIMEOUT', sent: true });
    expect(seen.map((call) => call?.signal.aborted)).toEqual([false, true]);
    await clock.advanceAsync(9700);
    expect(await patient).toMatchObject({ code: 'deadline_exceeded', address: both.address });
    expect(seen[0]?.signal.reason).toMatchObject({ code: 'deadline_exceeded' });
    expect(both.client.stats().active).toBe(0);
  });

  it('told to the server is what is left when the attempt is sent, not what there was', async () => {
    const clock = manualClock();
    await using both = await pair((server) => server.registerFunction('Time', 'Left', (_: never, call) => call.metadata['__ServerTimeout']), { client: { clock }, server: { clock } });
    const blocked = deferred();
    const client = createClient({
      servers: both.address, clock, transports: [{ networks: ['memory'], dial: async (address, options) => { await blocked.promise; return both.network.dial(address, options); } }],
    });
    const call = client.call('Time', 'Left', null, { timeoutMs: 1000 });
    await clock.advanceAsync(400);
    blocked.resolve();
    expect(await call).toBe('600');
    client.abort();
  });

  it('D3: of zero, less, or NaN fails at once; Infinity never ends and is not sent', async () => {
    await using both = await pair((server) => server.registerFunction('Time', 'Left', (_: never, call) => call.metadata['__ServerTimeout'] ?? 'none'));
    for (const timeoutMs of [0, -1, -Infinity]) expect(await failure(both.client.call('Time', 'Left', null, { timeoutMs }))).toMatchObject({ code: 'deadline_exceeded', sent: false });
    expect(await failure(both.client.call('Time', 'Left', null, { timeoutMs: NaN }))).toMatchObject({ code: 'invalid_argument', sent: false });
    expect(await both.client.call('Time', 'Left', null, { timeoutMs: Infinity })).toBe('none');
    expect(await both.client.call('Time', 'Left', null, { timeoutMs: 2 ** 31 })).toBe(String(2 ** 31));
    // Go counts nanoseconds in an int64.
    expect(await both.client.call('Time', 'Left', null, { timeoutMs: 2 ** 53 })).toBe(String((2n ** 63n - 1n) / 1_000_000n));
  });

  it('D1: is inherited by the calls that a handler makes, also after it has waited', async () => {
    await using inner = await pair((server) => server.registerFunction('Time', 'Left', (_: never, call) => call.remainingMs()));
    await using outer = await pair((server) =>
      server.registerFunction('Time', 'Nested', async () => {
        await turn();
        return inner.client.call('Time', 'Left', null);
      }),
    );
    const left = await outer.client.call<number>('Time', 'Nested', null, { timeoutMs: 777 });
    expect(left).toBeLessThanOrEqual(777);
    expect(left).toBeGreaterThan(0);
    expect(await outer.client.call<number>('Time', 'Nested', null, { timeoutMs: 60_000 })).toBeLessThanOrEqual(10_000);
  });

  it('D1: is not inherited by a listener of a connection that a handler happened to open', async () => {
    const clock = manualClock();
    const Feed = contract('Feed', { Subscribe: unary<null, void>(), Item: push<number>() });
    const peer = deferred<Peer>();
    const clocks = { client: { clock }, server: { clock } };
    await using far = await pair((server) => server.register(Feed, { Subscribe: (_, call) => peer.resolve(call.peer) }).registerFunction('Echo', 'It', (input: unknown) => input), clocks);
    await using near = await pair((server) => server.registerFunction('Near', 'Open', () => far.client.service(Feed).Subscribe(null)), clocks);
    const heard = deferred<unknown>();
    far.client.onPush(Feed.methods.Item, (item) => { far.client.call('Echo', 'It', item).then(heard.resolve, heard.reject); });
    await near.client.call('Near', 'Open', null, { timeoutMs: 100 });
    await clock.advanceAsync(150);
    await (await peer.promise).push(Feed.methods.Item, 7);
    expect(await heard.promise).toBe(7);
  });

  it('J1: does not notice that wall time was set', async () => {
    const clock = manualClock();
    const door = deferred();
    await using both = await pair((server) => server.registerFunction('Slow', 'Down', () => door.promise), { client: { clock }, server: { clock } });
    const call = both.client.call('Slow', 'Down', null);
    await clock.advanceAsync(10);
    clock.stepWallTime(2 * 3_600_000);
    await clock.advanceAsync(1000);
    clock.stepWallTime(-4 * 3_600_000);
    await clock.advanceAsync(1000);
    door.resolve();
    await call;
  });

  it('leaves nothing behind: no timer, no listener, no pending call', async () => {
    const clock = manualClock();
    const never = new Promise<void>(() => {});
    await using both = await pair((server) => server.registerFunction('Slow', 'Down', () => never), { client: { clock }, server: { clock } });
    const before = clock.pending;
    const calls = Array.from({ length: 100 }, (_, index) => failure(both.client.call('Slow', 'Down', null, { timeoutMs: 10 + index })));
    await clock.advanceAsync(200);
    for (const error of await Promise.all(calls)) expect(error.code).toBe('deadline_exceeded');
    expect(both.client.stats()).toMatchObject({ active: 0, failed: 100 });
    both.client.abort();
    both.server.abort();
    await clock.advanceAsync(0);
    expect(clock.pending).toBe(before);
  });
});

describe('a server that is not there', () => {
  it('fails the call with its attempts, soon', async () => {
    await using both = await pair(() => {});
    const client = createClient({ servers: 'memory@nobody', transports: [both.network] });
    const error = await failure(client.call('A', 'B', null));
    expect(error).toMatchObject({ code: 'unavailable', reason: 'CONNECT_FAILED', sent: false });
    expect(error['attempts']).toHaveLength(3);
    await client.close();
  });

  it('is waited for when the caller asks for that', async () => {
    await using both = await pair(() => {});
    const client = createClient({ servers: 'memory@late', transports: [both.network] });
    const call = client.call('Late', 'Show', null, { waitForReady: true });
    const late = createServer({ transports: [both.network] }).registerFunction('Late', 'Show', () => 'here');
    await until(() => client.stats().retries > 2);
    await late.listen('memory@late');
    expect(await call).toBe('here');
    await client.close();
    await late.close();
  });
});
