import { createClient, methodsOf, type LeanClient, type LeanClientOptions } from '@rpcxjs/client/lean';
import { memoryNetwork, type MemoryNetwork } from '@rpcxjs/transport-memory';
import { describe, expect, it, vi } from 'vitest';
import { contract, createServer, isError, push, RpcError, type, unary, type Server, type ServerOptions } from '../src/index.ts';
import { deferred, failure } from './pair.ts';

const Shop = contract('Shop', {
  Add: unary<{ A: number; B: number }, number>({ idempotent: true }),
  Buy: unary({ input: type<{ Sku: string }>(), output: type<number>(), errors: { OutOfStock: type<{ left: number }>() } }),
  Wait: unary<null, string>(),
  Subscribe: unary<null, null>(),
  Sold: push<{ Sku: string }>(),
});

interface Open extends AsyncDisposable {
  readonly network: MemoryNetwork;
  readonly server: Server;
  readonly client: LeanClient;
  readonly waiting: { readonly signal: AbortSignal; readonly metadata: Readonly<Record<string, string>>; answer(text: string): void }[];
  restart(): Promise<void>;
}

async function open(options: { readonly client?: Partial<LeanClientOptions>; readonly server?: ServerOptions } = {}): Promise<Open> {
  const network = memoryNetwork();
  const waiting: Open['waiting'] = [];
  const serve = async (): Promise<Server> => {
    const server = createServer({ transports: [network], ...options.server });
    server.register(Shop, {
      Add: ({ A, B }) => A + B,
      Buy: ({ Sku }, call) => {
        if (Sku === 'none') throw call.fail('OutOfStock', { left: 0 });
        return 1;
      },
      Wait: (_input, call) => {
        const { promise, resolve } = deferred<string>();
        waiting.push({ signal: call.signal, metadata: call.metadata, answer: resolve });
        return promise;
      },
      Subscribe: async (_input, call) => {
        await call.peer.push(Shop.methods.Sold, { Sku: 'a' });
        await call.peer.push(Shop.methods.Sold, { Sku: 'b' });
        return null;
      },
    });
    await server.listen('memory@shop:1');
    return server;
  };
  let server = await serve();
  const client = createClient({ servers: 'memory@shop:1', transports: [network], ...options.client });
  return {
    network, client, waiting,
    get server() {
      return server;
    },
    async restart() {
      server.abort();
      await server.close();
      server = await serve();
    },
    async [Symbol.asyncDispose]() {
      client.abort();
      server.abort();
      await Promise.all([client.close(), server.close()]);
    },
  };
}

describe('the lean client', () => {
  it('calls by contract, by interface and by name, many at once', async () => {
    await using one = await open();
    const shop = one.client.service(Shop);
    expect(await shop.Add({ A: 1, B: 2 })).toBe(3);
    expect(await one.client.service<{ Add(sum: { A: number; B: number }): Promise<number> }>('Shop').Add({ A: 2, B: 2 })).toBe(4);
    expect(await one.client.call('Shop', 'Add', { A: 3, B: 3 })).toBe(6);
    expect(await Promise.all(Array.from({ length: 5000 }, (_, n) => shop.Add({ A: n, B: n })))).toEqual(Array.from({ length: 5000 }, (_, n) => 2 * n));
    const large = 'é'.repeat(300_000);
    expect(await one.client.call('Shop', 'Add', { A: large, B: '!' })).toBe(`${large}!`);
  });

  it('has the declared errors of a contract, with code and details', async () => {
    await using one = await open();
    const error = await failure(one.client.service(Shop).Buy({ Sku: 'none' }));
    expect(isError(Shop.methods.Buy, 'OutOfStock', error) && error.details?.left).toBe(0);
    expect(await failure(one.client.call('Shop', 'Sell', null))).toMatchObject({ code: 'unimplemented', reason: 'UNKNOWN_METHOD', remote: true });
  });

  it('sends its deadline, token and metadata, and tells the metadata of the reply', async () => {
    await using one = await open({ client: { token: () => 'open sesame', timeoutMs: 4000 } });
    const replies: object[] = [];
    const call = one.client.call('Shop', 'Wait', null, { metadata: { who: 'me' }, onReply: (reply) => replies.push(reply) });
    await vi.waitFor(() => expect(one.waiting).toHaveLength(1));
    const { metadata } = one.waiting[0]!;
    expect(metadata).toMatchObject({ who: 'me', __AUTH: 'open sesame' });
    expect(Number(metadata['__ServerTimeout'])).toBeGreaterThan(3000);
    one.waiting[0]!.answer('done');
    expect(await call).toBe('done');
    expect(replies).toMatchObject([{ address: 'memory@shop:1' }]);
  });

  it('was not sent when its token function throws, also with the error of a call of its own', async () => {
    let theirs: unknown = new RpcError('unavailable', 'no server of tokens', { reason: 'CONNECT_FAILED', remote: true, address: 'tcp@tokens:1' });
    await using one = await open({ client: { token: () => { throw theirs; } } });
    expect(await failure(one.client.call('Shop', 'Wait', null))).toMatchObject({ code: 'unavailable', reason: 'CONNECT_FAILED', remote: false, sent: false, address: 'tcp@tokens:1', cause: theirs });
    theirs = new Error('no token today');
    expect(await failure(one.client.call('Shop', 'Wait', null))).toMatchObject({ code: 'internal', sent: false, message: 'Shop.Wait could not be written: no token today' });
    expect(one.waiting).toEqual([]);
  });

  it('ends at its deadline or when its signal aborts, and the handler is told', async () => {
    await using one = await open();
    const stop = new AbortController();
    const calls = [failure(one.client.call('Shop', 'Wait', null, { signal: stop.signal })), failure(one.client.call('Shop', 'Wait', null, { timeoutMs: 60 }))];
    await vi.waitFor(() => expect(one.waiting).toHaveLength(2));
    stop.abort(new Error('enough'));
    const [aborted, late] = await Promise.all(calls);
    expect(aborted).toMatchObject({ code: 'canceled', reason: 'ABORTED' });
    expect(late).toMatchObject({ code: 'deadline_exceeded', reason: 'TIMEOUT' });
    await vi.waitFor(() => expect(one.waiting.map(({ signal }) => signal.aborted)).toEqual([true, true]));
    expect(await one.client.call('Shop', 'Add', { A: 1, B: 1 })).toBe(2);
  });

  it('hears pushes by callback and by iterator', async () => {
    await using one = await open();
    const heard: string[] = [];
    const stop = one.client.onPush(Shop.methods.Sold, ({ Sku }) => heard.push(Sku));
    using sold = one.client.pushes(Shop.methods.Sold);
    await one.client.service(Shop).Subscribe(null);
    expect([(await sold.next()).value, (await sold.next()).value]).toEqual([{ Sku: 'a' }, { Sku: 'b' }]);
    expect(heard).toEqual(['a', 'b']);
    stop();
    await one.client.service(Shop).Subscribe(null);
    expect(heard).toHaveLength(2);
  });

  it('survives a server that is cut and comes back: what may run twice is sent again, the rest fails, and later calls wait', async () => {
    const states: boolean[] = [];
    await using one = await open({ client: { onConnection: (connected) => states.push(connected) } });
    const shop = one.client.service(Shop);
    const again = one.client.service<{ Wait(input: null): Promise<string> }>('Shop', { idempotent: ['Wait'] });
    const [once, twice] = [failure(shop.Wait(null)), again.Wait(null)];
    await vi.waitFor(() => expect(one.waiting).toHaveLength(2));
    await one.restart();
    expect(await once).toMatchObject({ code: 'unavailable', reason: 'CONNECTION_LOST', sent: true });
    expect(await shop.Add({ A: 1, B: 2 })).toBe(3);
    await vi.waitFor(() => expect(one.waiting).toHaveLength(3));
    one.waiting[2]!.answer('second time');
    expect(await twice).toBe('second time');
    expect(states).toEqual([true, false, true]);
  });

  it('opens a lost connection again by itself while somebody listens, so that pushes can be asked for again', async () => {
    const states: boolean[] = [];
    await using one = await open({
      client: {
        onConnection: (connected) => {
          states.push(connected);
          if (connected) void one.client.service(Shop).Subscribe(null);
        },
      },
    });
    const heard: string[] = [];
    one.client.onPush(Shop.methods.Sold, ({ Sku }) => heard.push(Sku));
    await one.client.ready();
    await vi.waitFor(() => expect(heard).toEqual(['a', 'b']));
    await one.restart();
    await vi.waitFor(() => expect(heard).toEqual(['a', 'b', 'a', 'b']));
    expect(states).toEqual([true, false, true]);
  });

  it('loses nothing when the server closes politely: calls under way finish, new ones wait for the next server', async () => {
    await using one = await open();
    const running = one.client.call('Shop', 'Wait', null);
    await vi.waitFor(() => expect(one.waiting).toHaveLength(1));
    const closing = one.server.close();
    await vi.waitFor(() => expect(one.client.connected).toBe(false));
    const later = one.client.service(Shop).Add({ A: 2, B: 3 });
    one.waiting[0]!.answer('finished');
    expect(await running).toBe('finished');
    await closing;
    await one.restart();
    expect(await later).toBe(5);
  });

  it('finishes what is under way when it is closed, refuses what comes later, and leaves no connection', async () => {
    await using one = await open();
    const running = one.client.call('Shop', 'Wait', null);
    await vi.waitFor(() => expect(one.waiting).toHaveLength(1));
    const closed = one.client.close();
    expect(await failure(one.client.call('Shop', 'Add', {}))).toMatchObject({ code: 'failed_precondition', reason: 'CLOSED' });
    expect(await failure(one.client.ready())).toMatchObject({ reason: 'CLOSED' });
    one.waiting[0]!.answer('in time');
    expect(await running).toBe('in time');
    await closed;
    await vi.waitFor(() => expect([...one.server.peers()]).toHaveLength(0));
  });

  it('sends one-way calls, also those that waited for the connection, and waits for none of them when it closes', async () => {
    await using one = await open();
    const noted: unknown[] = [];
    one.server.registerFunction('Notes', 'Note', (text: unknown) => void noted.push(text));
    const note = methodsOf<{ Note(text: string): void }>('Notes').Note;
    await Promise.all([one.client.oneway(note, 'first'), one.client.oneway(note, 'second')]);
    await one.client.oneway(note, 'third');
    const began = performance.now();
    await one.client.close();
    expect(performance.now() - began).toBeLessThan(1000);
    await vi.waitFor(() => expect(noted).toEqual(['first', 'second', 'third']));
  });

  it('fails at once where there is no server and never was one, and after the deadline where one has gone', async () => {
    await using one = await open();
    const lost = createClient({ servers: ['memory@nobody:1', 'memory@nobody:2'], transports: [one.network] });
    expect(await failure(lost.call('Shop', 'Add', {}))).toMatchObject({ code: 'unavailable', reason: 'CONNECT_FAILED', sent: false, message: expect.stringContaining('nobody:2') as string });
    expect(await failure(lost.ready())).toMatchObject({ reason: 'CONNECT_FAILED' });
    lost.abort();
    const moved = createClient({ servers: ['memory@nobody:1', 'memory@shop:1'], transports: [one.network] });
    expect(await moved.call('Shop', 'Add', { A: 1, B: 1 })).toBe(2);
    one.server.abort();
    await vi.waitFor(() => expect(moved.connected).toBe(false));
    expect(await failure(moved.call('Shop', 'Add', {}, { timeoutMs: 50 }))).toMatchObject({ code: 'deadline_exceeded', sent: false, message: expect.stringContaining('no connection') as string });
    moved.abort();
  });

  it('has its default for a limit that is undefined', async () => {
    await using one = await open({ client: { limits: { maxFrameBytes: undefined, maxQueuedCalls: undefined, maxQueuedPushes: undefined, maxMetadataBytes: undefined } } });
    expect(await one.client.call('Shop', 'Add', { A: 1, B: 1 }, { metadata: { a: 'b' } })).toBe(2);
    expect(await failure(one.client.call('Shop', 'Add', 'x'.repeat(17 * 2 ** 20)))).toMatchObject({ reason: 'TOO_LARGE', sent: false });
  });

  it('refuses what cannot be sent, before anything is', async () => {
    await using one = await open({ client: { limits: { maxFrameBytes: 100_000, maxQueuedCalls: 2, maxNameBytes: undefined } } });
    const { client } = one;
    expect(await failure(client.call('Shop', 'Add', 1n))).toMatchObject({ reason: 'BAD_PAYLOAD', sent: false });
    expect(await failure(client.call('Shop', 'Add', 'x'.repeat(100_000)))).toMatchObject({ code: 'resource_exhausted', reason: 'TOO_LARGE', sent: false });
    expect(await failure(client.call('_rpcxjs', 'cancel.1', null))).toMatchObject({ reason: 'RESERVED_NAME' });
    expect(await failure(client.call('Shop', 'Add', 1, { timeoutMs: 'soon' as never }))).toMatchObject({ code: 'invalid_argument' });
    for (const timeoutMs of [0, -1]) expect(await failure(client.call('Shop', 'Add', 1, { timeoutMs }))).toMatchObject({ code: 'deadline_exceeded', reason: 'TIMEOUT', sent: false });
    expect(await failure(client.call('Shop', 'Add', 1, { signal: new AbortController() as never }))).toMatchObject({ code: 'invalid_argument' });
    expect(await failure(client.call('Shop', 'Add', 1, { signal: AbortSignal.abort() }))).toMatchObject({ code: 'canceled', sent: false });
    expect(await client.call('Shop', 'Add', { A: 1, B: 1 })).toBe(2);
    await client.close();
    const other = createClient({ servers: 'memory@shop:1', transports: [{ networks: ['memory'], dial: (_address, { signal }) => new Promise((_resolve, reject) => signal?.addEventListener('abort', () => reject(new Error('stopped')))) }], limits: { maxQueuedCalls: 2 } });
    const calls = [1, 2, 3].map((n) => failure(other.call('Shop', 'Add', n)));
    expect(await calls[2]).toMatchObject({ reason: 'OVERLOADED', sent: false });
    other.abort();
    expect(await Promise.all(calls)).toMatchObject([{ reason: 'CLOSED' }, { reason: 'CLOSED' }, {}]);
  });

  it.each([
    ['no server', { servers: [] }],
    ['an address that is none', { servers: 'shop' }],
    ['a network that no transport dials', { servers: 'ws@shop:1' }],
    ['no transports', { transports: undefined }],
    ['a timeout that is none', { timeoutMs: Number.NaN }],
    ['a timeout that is a text', { timeoutMs: '5' }],
  ])('is not made with %s', (_what, options) => {
    expect(() => createClient({ servers: 'memory@shop:1', transports: [memoryNetwork()], ...options } as never)).toThrow(/./);
  });

  it('says what stands in the way of a reply that it cannot read', async () => {
    await using one = await open();
    one.server.handle('Odd', 'Codec', (message) => ({ ...message, codecId: 7 }));
    expect(await failure(one.client.call('Odd', 'Codec', 1))).toMatchObject({ code: 'unimplemented', reason: 'UNKNOWN_CODEC' });
    one.server.handle('Odd', 'Text', (message) => ({ ...message, payload: new TextEncoder().encode('{') }));
    expect(await failure(one.client.call('Odd', 'Text', 1))).toMatchObject({ code: 'data_loss', reason: 'BAD_PAYLOAD' });
    expect(RpcError.is(await failure(one.client.call('Odd', 'Nothing', 1)))).toBe(true);
  });
});
