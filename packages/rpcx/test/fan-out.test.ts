import { describe, expect, it } from 'vitest';
import { contract, createClient, methodsOf, RpcError, unary, type ClientOptions, type Dialer, type Discovery, type FanOutOptions, type MethodRef, type Interceptor, type ClientCall, type Selector } from '../src/index.ts';
import { deferred, failure, until } from './pair.ts';
import { several, type Several } from './several.ts';

const { Say, Wait } = contract('Echo', { Say: unary<string, string>(), Wait: unary<string, string>() }).methods;

/** Servers whose first method answers at once, unless it is told to fail, and whose second one waits until it is stopped. */
async function echoes(count: number, options: Partial<ClientOptions> = {}, more: readonly string[] = []): Promise<Several & { readonly stopped: number[]; readonly waiting: number[] }> {
  const stopped: number[] = [];
  const waiting: number[] = [];
  const all = await several(count, (server, index) => {
    server.registerFunction('Echo', 'Say', (input: string) => {
      if (input === `fail ${index}` || input === 'fail') throw new RpcError('not_found', `not on ${index}`);
      return `${index}: ${input}`;
    });
    server.registerFunction('Echo', 'Wait', async (input: string, call) => {
      if (input === `fail ${index}`) {
        await until(() => waiting.length === count - 1);
        throw new RpcError('not_found', `not on ${index}`);
      }
      if (input === `answer ${index}`) {
        await until(() => waiting.length === count - 1);
        return `from ${index}`;
      }
      waiting.push(index);
      await new Promise<void>((resolve) => call.signal.addEventListener('abort', () => resolve()));
      stopped.push(index);
      throw call.signal.reason as Error;
    });
  }, options, more);
  // A cancel reaches the servers that are known to understand it.
  await all.client.inform(Say, 'hello');
  return { ...all, stopped, waiting, [Symbol.asyncDispose]: () => all[Symbol.asyncDispose]() };
}
const codes = (receipts: readonly { readonly error?: unknown }[]): unknown[] => receipts.map(({ error }) => (error as RpcError | undefined)?.code ?? 'ok');

describe('inform', () => {
  it('calls every server and has what each made of it, in the order of their addresses', async () => {
    await using all = await echoes(3);
    const receipts = await all.client.inform(Say, 'fail 1');
    expect(receipts.map(({ address }) => address)).toEqual(all.addresses);
    expect(receipts.map(({ value }) => value)).toEqual(['0: fail 1', undefined, '2: fail 1']);
    expect(receipts[1]?.error).toMatchObject({ code: 'not_found', message: 'not on 1', remote: true, address: all.addresses[1] });
    expect(codes(receipts)).toEqual(['ok', 'not_found', 'ok']);
  });

  it('reports servers that cannot be connected, and dials all of them at the same time', async () => {
    const dialled: string[] = [];
    const doors = deferred();
    const slow: Dialer = { networks: ['slow'], dial: async ({ host }) => {
      dialled.push(host);
      if (dialled.length === 3) doors.resolve();
      await doors.promise;
      throw new Error(`nobody at ${host}`);
    } };
    await using client = createClient({ servers: ['slow@a', 'slow@b', 'slow@c'], transports: [slow], timeoutMs: 5000 });
    const receipts = await client.inform(Say, 'x');
    expect(receipts).toMatchObject(['a', 'b', 'c'].map((host) => ({ address: `slow@${host}`, error: { reason: 'CONNECT_FAILED', sent: false } })));
    expect(dialled).toHaveLength(3);
  });

  it('has one deadline for all, and its own signal ends all', async () => {
    await using all = await echoes(2);
    const stop = new AbortController();
    const receipts = all.client.inform(Wait, 'x', { signal: stop.signal });
    await until(() => all.waiting.length === 2);
    stop.abort();
    expect(codes(await receipts)).toEqual(['canceled', 'canceled']);
    expect(codes(await all.client.inform(Wait, 'x', { timeoutMs: 30 }))).toEqual(['deadline_exceeded', 'deadline_exceeded']);
  });

  it('runs the interceptors once for each server, which may rename the method and still reach that server', async () => {
    const seen: string[] = [];
    const rename: Interceptor<ClientCall> = (next) => (call) => {
      seen.push(call.method);
      call.metadata['from'] = 'here';
      return next(call.method === 'Alias' ? call.with({ method: 'Say' }) : call);
    };
    const first: Selector = { name: 'first', build: ([instance]) => ({ pick: () => instance && { instance } }) };
    await using all = await echoes(3, { intercept: [rename], selector: first });
    seen.length = 0;
    const receipts = await all.client.inform(methodsOf<{ Alias(text: string): Promise<string> }>('Echo').Alias, 'x');
    expect(receipts.map(({ value }) => value)).toEqual(['0: x', '1: x', '2: x']);
    expect(seen).toEqual(['Alias', 'Alias', 'Alias']);
  });

  it('has an Error in each receipt without a reply, whatever an interceptor or mapError makes of it', async () => {
    class OutOfStock extends Error {}
    const thrown: unknown[] = [];
    await using all = await echoes(1, { intercept: [() => () => { throw thrown.shift(); }] });
    thrown.push(undefined, '', 'a text', { code: 7 }, new OutOfStock('mine'));
    const errors: (Error | undefined)[] = [];
    while (thrown.length > 0) errors.push(...(await all.client.inform(Say, 'x')).map(({ error }) => error));
    expect(errors.map((error) => error instanceof Error)).toEqual([true, true, true, true, true]);
    expect(errors[2]).toMatchObject({ code: 'internal', message: 'the call failed: a text', cause: 'a text' });
    expect(errors[3]?.cause).toEqual({ code: 7 });
    expect(errors[4]).toBeInstanceOf(OutOfStock);
  });

  it('asks servers that other calls avoid as well, and what becomes of it counts for their health', async () => {
    await using all = await echoes(2, {}, ['memory@nobody']);
    const states = (): unknown[] => all.client.nodes().map(({ address, state, calls }) => [address, state, calls]).toSorted();
    for (let n = 0; n < 6; n++) expect(codes(await all.client.inform(Say, 'x'))).toEqual(['unavailable', 'ok', 'ok']);
    // The first one of all was made to connect.
    expect(states()).toEqual([['memory@nobody', 'ejected', 7], [all.addresses[0], 'healthy', 7], [all.addresses[1], 'healthy', 7]]);
  });

  it('keeps to a group and leaves out who says that it is inactive', async () => {
    await using all = await echoes(3);
    const instances = all.addresses.map((address, index) => ({ address, metadata: [{ group: ['eu', 'us'] }, { group: 'us' }, { group: 'eu', state: 'inactive' }][index] ?? {} }));
    const discovery: Discovery = { async *watch() { yield instances; } };
    await using client = createClient({ discovery, transports: [{ networks: ['memory'], dial: () => Promise.reject(new Error('down')) }] });
    const reached = async (group?: string): Promise<string[]> => (await client.inform(Say, 'x', { group })).map(({ address }) => address);
    expect(await reached()).toEqual([all.addresses[0], all.addresses[1]]);
    expect(await reached('eu')).toEqual([all.addresses[0]]);
    expect(await failure(client.inform(Say, 'x', { group: 'moon' }))).toMatchObject({ reason: 'NO_INSTANCE', message: expect.stringContaining('"moon"') as string });
  });
});

describe('broadcast', () => {
  it('has the receipts of all when all succeed', async () => {
    await using all = await echoes(3);
    expect(await all.client.broadcast(Say, 'x')).toEqual(all.addresses.map((address, index) => ({ address, value: `${index}: x` })));
  });

  it('ends at the first server that fails: the others are cancelled, also there', async () => {
    await using all = await echoes(3);
    const receipts = await all.client.broadcast(Wait, 'fail 1');
    expect(codes(receipts)).toEqual(['canceled', 'not_found', 'canceled']);
    expect(receipts[0]?.error).toHaveProperty('cause.message', expect.stringContaining(`${all.addresses[1]} failed`) as string);
    await until(() => all.stopped.length === 2);
    expect(all.stopped.toSorted()).toEqual([0, 2]);
    expect(all.client.stats().active).toBe(0);
  });

  it('goes on without a server that cannot be connected', async () => {
    await using all = await echoes(2, {}, ['memory@nobody']);
    const receipts = await all.client.broadcast(Say, 'x');
    expect(receipts.map(({ address, value }) => [address, value])).toEqual([['memory@nobody', undefined], [all.addresses[0], '0: x'], [all.addresses[1], '1: x']]);
    expect(receipts[0]?.error).toMatchObject({ reason: 'CONNECT_FAILED' });
    expect(all.client.stats().retries).toBe(0);
  });
});

describe('fork', () => {
  it('has the first success, and cancels the others on their servers', async () => {
    await using all = await echoes(3);
    expect(await all.client.fork(Wait, 'answer 2')).toBe('from 2');
    await until(() => all.stopped.length === 2);
    expect(all.stopped.toSorted()).toEqual([0, 1]);
    expect(all.client.stats()).toMatchObject({ active: 0 });
  });

  it('is not put off by servers that fail or are not there', async () => {
    await using all = await echoes(2, {}, ['memory@nobody']);
    expect(await all.client.fork(Say, 'fail 0')).toBe('1: fail 0');
  });

  it('fails when all do, with what each said', async () => {
    await using all = await echoes(2, {}, ['memory@nobody']);
    const error = await failure(all.client.fork(Say, 'fail'));
    expect(error).toMatchObject({ code: 'not_found', remote: true, message: expect.stringMatching(/^Echo\.Say failed on all 3 servers/) as string });
    const attempts = error['attempts'] as { address: string; error: RpcError; durationMs: number }[];
    expect(attempts.map(({ address, error: { code } }) => `${address} ${code}`).toSorted()).toEqual(['memory@nobody unavailable', `${all.addresses[0]} not_found`, `${all.addresses[1]} not_found`]);
    expect(attempts.every(({ durationMs }) => durationMs >= 0)).toBe(true);
  });
});

describe('a call to all servers', () => {
  const verbs = ['broadcast', 'fork', 'inform'] as const;

  it.each(verbs)('by %s fails when there is none, when the list does not come in time, and when the client is closed', async (verb) => {
    const lists = deferred();
    const discovery: Discovery = { async *watch(service) {
      if (service === 'Echo') await lists.promise;
      yield [];
    } };
    const client = createClient({ discovery, transports: [] });
    const ask = (method: MethodRef<'unary'>, options?: FanOutOptions): Promise<unknown> => client[verb as 'inform'](method, 'x', options);
    expect(await failure(ask(methodsOf('Other')['Say']!))).toMatchObject({ code: 'unavailable', reason: 'NO_INSTANCE', sent: false });
    expect(await failure(ask(Say, { timeoutMs: 20 }))).toMatchObject({ code: 'deadline_exceeded', reason: 'TIMEOUT', sent: false });
    const stop = new AbortController();
    const stopped = failure(ask(Say, { signal: stop.signal }));
    stop.abort('enough');
    expect(await stopped).toMatchObject({ code: 'canceled', reason: 'ABORTED', cause: 'enough' });
    const cut = failure(ask(Say, { timeoutMs: Infinity }));
    await until(() => client.pendingCount === 0);
    client.abort();
    expect(await cut).toMatchObject({ reason: 'CLOSED' });
    expect(await failure(ask(Say))).toMatchObject({ code: 'failed_precondition', reason: 'CLOSED' });
    lists.resolve();
    await client.close();
  });

  it('waits for the first list', async () => {
    const lists = deferred<readonly { address: string; metadata: {} }[]>();
    const discovery: Discovery = { async *watch() { yield await lists.promise; } };
    const dialer: Dialer = { networks: ['memory'], dial: () => Promise.reject(new Error('down')) };
    await using client = createClient({ discovery, transports: [dialer] });
    const receipts = client.inform(Say, 'x');
    lists.resolve([{ address: 'memory@late', metadata: {} }]);
    expect(await receipts).toMatchObject([{ address: 'memory@late', error: { reason: 'CONNECT_FAILED' } }]);
  });
});
