import { manualClock } from '@rpcxjs/testing';
import { memoryNetwork } from '@rpcxjs/transport-memory';
import { describe, expect, it } from 'vitest';
import { contract, createClient, push, type Client, type Discovery } from '../src/index.ts';
import { deferred, failure, pair, until } from './pair.ts';

describe('closing a client', () => {
  it('lets calls under way finish and refuses new ones', async () => {
    const door = deferred();
    await using both = await pair((server) => server.registerFunction('Slow', 'Down', async (id: number) => (await door.promise, id)));
    const calls = Array.from({ length: 500 }, (_, id) => both.client.call('Slow', 'Down', id));
    const closing = both.client.close();
    expect(await failure(both.client.call('Slow', 'Down', 0))).toMatchObject({ code: 'failed_precondition', reason: 'CLOSED', sent: false });
    door.resolve();
    expect(await Promise.all(calls)).toEqual(Array.from({ length: 500 }, (_, id) => id));
    await closing;
    expect(both.client.stats()).toMatchObject({ active: 0, connections: 0 });
    await both.client.close();
  });

  it('waits no longer than it was told', async () => {
    await using both = await pair((server) => server.registerFunction('Slow', 'Down', () => new Promise(() => {})));
    const call = failure(both.client.call('Slow', 'Down', 0));
    await both.client.close({ graceMs: 20 });
    expect(await call).toMatchObject({ code: 'canceled', reason: 'CLOSED' });
  });

  it('before its first call, twice, or while it connects is quiet', async () => {
    const client = createClient({ servers: 'memory@nobody', transports: [{ networks: ['memory'], dial: () => new Promise<never>(() => {}) }] });
    const call = failure(client.call('A', 'B', null));
    client.abort();
    expect(await call).toMatchObject({ reason: 'CLOSED' });
    await client.close();
    const unused = createClient({ servers: 'tcp@nobody:1' });
    await unused.close();
    await unused.close();
  });

  it('by `await using` closes it', async () => {
    await using both = await pair((server) => server.registerFunction('Echo', 'It', (input: unknown) => input));
    let seen;
    {
      await using client = createClient({ servers: both.address, transports: [both.network] });
      expect(await client.call('Echo', 'It', 1)).toBe(1);
      seen = client;
    }
    expect(await failure(seen.call('Echo', 'It', 1))).toMatchObject({ reason: 'CLOSED' });
  });

  it.each([['close', (client: Client) => client.close({ graceMs: 10 })], ['abort', (client: Client) => client.abort()]] as const)('%s() ends a call that waits for its next attempt', async (_name, end) => {
    const client = createClient({ servers: 'memory@nobody', transports: [memoryNetwork()], timeoutMs: Infinity, failMode: { name: 'patient', next: () => ({ again: 'same', afterMs: 60_000 }) } });
    const call = failure(client.call('A', 'B', null));
    await until(() => client.stats().retries === 1);
    await end(client);
    expect(await call).toMatchObject({ code: 'canceled', reason: 'CLOSED' });
    expect(client.stats().active).toBe(0);
  });

  it('ends a call that waits for its servers to be found, and the search for them', async () => {
    const searching = deferred<AbortSignal | undefined>();
    const discovery: Discovery = { async *watch(_service, { signal }) { searching.resolve(signal); await new Promise((resolve) => { signal?.addEventListener('abort', resolve); }); yield []; } };
    const client = createClient({ discovery, transports: [memoryNetwork()], timeoutMs: Infinity });
    const call = failure(client.call('A', 'B', null));
    const signal = await searching.promise;
    client.abort();
    expect(await call).toMatchObject({ reason: 'CLOSED' });
    expect(signal?.aborted).toBe(true);
  });

  it('ends its readers of pushes, also those that come later', async () => {
    const Feed = contract('Feed', { Item: push<number>() });
    const client = createClient({ servers: 'memory@nobody', transports: [memoryNetwork()] });
    const early = client.pushes(Feed.methods.Item).next();
    await client.close();
    expect([await early, await client.pushes(Feed.methods.Item).next()]).toEqual([{ value: undefined, done: true }, { value: undefined, done: true }]);
  });

  it('does not wait for a server that is frozen', async () => {
    const clock = manualClock();
    await using both = await pair((server) => server.registerFunction('Echo', 'It', (input: unknown) => input), { client: { clock } });
    await both.client.call('Echo', 'It', 1);
    both.network.links[0]?.halfOpen('server');
    let closed = false;
    void both.client.close({ graceMs: 10 }).then(() => (closed = true));
    await clock.advanceAsync(900);
    expect(closed).toBe(false);
    await clock.advanceAsync(200);
    await until(() => closed);
  });
});

describe('a lost connection', () => {
  it('fails the calls that waited, and the next call connects again', async () => {
    await using both = await pair((server) => server.registerFunction('Echo', 'It', (input: unknown) => input).registerFunction('Slow', 'Down', () => new Promise(() => {})));
    await both.client.call('Echo', 'It', 1);
    const lost = [failure(both.client.call('Slow', 'Down', 1)), failure(both.client.call('Slow', 'Down', 2))];
    both.network.links[0]?.cut();
    for (const error of await Promise.all(lost)) expect(error).toMatchObject({ code: 'unavailable', reason: 'CONNECTION_LOST', sent: true, address: both.address });
    expect(await both.client.call('Echo', 'It', 2)).toBe(2);
    expect(both.client.stats()).toMatchObject({ connections: 1, active: 0 });
  });
});

describe('options that cannot work are refused when the client is made', () => {
  it.each([
    [{}, 'needs to know where'],
    [{ servers: [] }, 'needs to know where'],
    [{ servers: 'tcp@' }, 'is no address'],
    [{ servers: 'tcp@x:1', discovery: { watch: () => ({}) as never } }, 'not both'],
    [{ servers: 'tcp@x:1', timeoutMs: 0 }, 'timeoutMs is 0'],
    [{ servers: 'tcp@x:1', limits: { maxFrameBytes: -1 } }, 'limits.maxFrameBytes is -1'],
    [{ servers: 'tcp@x:1', codecs: [{ id: 16, name: 'x', encode() {}, decode() {} }] }, 'has the number 16'],
    [{ servers: 'tcp@x:1', codecs: [{ id: 9, name: 'x', encode() {}, decode() {} }, { id: 9, name: 'y', encode() {}, decode() {} }] }, 'two codecs'],
  ])('%j', (options, message) => {
    expect(() => createClient(options)).toThrow(expect.objectContaining({ name: 'TypeError', message: expect.stringContaining(message) as string }) as Error);
  });
});
