import { memoryNetwork } from '@rpcxjs/transport-memory';
import { describe, expect, it } from 'vitest';
import {
  contract, createClient, createServer, failbackup, RpcError, unary,
  type Client, type ClientCall, type ClientOptions, type Interceptor, type Outcome, type Selector, type Server, type ServerCall,
} from '../src/index.ts';
import { deferred, failure, until } from './pair.ts';

const Shop = contract('Shop', { Read: unary<string, string>({ idempotent: true }), Buy: unary<string, string>() });

interface Shops extends AsyncDisposable {
  readonly client: Client;
  readonly ran: string[];
  readonly outcomes: [string, Outcome['error']][];
  readonly servers: readonly Server[];
}
type Behave = (name: string, call: ServerCall) => string | Promise<string>;

/** Servers that are chosen in the order of their names. */
async function shops(names: readonly string[], behave: Behave, options: Partial<ClientOptions> = {}): Promise<Shops> {
  const network = memoryNetwork();
  const ran: string[] = [];
  const outcomes: [string, unknown][] = [];
  const servers: Server[] = [];
  for (const name of names) {
    const run = (_input: string, call: ServerCall): string | Promise<string> => {
      ran.push(name);
      return behave(name, call);
    };
    const server = createServer({ transports: [network] }).register(Shop, { Read: run, Buy: run });
    await server.listen(`memory@${name}`);
    servers.push(server);
  }
  const first: Selector = {
    name: 'first',
    build: (instances) => ({
      pick({ avoid }) {
        const instance = instances.find(({ address }) => avoid?.has(address) !== true) ?? instances[0];
        return instance && { instance, done: ({ error }) => void outcomes.push([instance.address.slice(7), error]) };
      },
    }),
  };
  const client = createClient({ servers: names.map((name) => `memory@${name}`), transports: [network], selector: first, failMode: failbackup({ latencyMs: 5, backoffMs: 0 }), ...options });
  const end = async (): Promise<void> => {
    client.abort();
    for (const server of servers) server.abort();
    await Promise.all([client.close(), ...servers.map((server) => server.close())]);
  };
  return { client, ran, outcomes, servers, [Symbol.asyncDispose]: end };
}
const never = (): Promise<never> => new Promise(() => {});

describe('failbackup', () => {
  it('asks another server when the first is slow, takes its reply, and cancels the slow one on its server', async () => {
    const cancelled = deferred<unknown>();
    await using two = await shops(['a', 'b'], (name, call) => {
      if (name === 'b') return 'from b';
      call.signal.addEventListener('abort', () => cancelled.resolve(call.signal.reason));
      return never();
    });
    await two.client.ping('memory@a');
    expect(await two.client.service(Shop).Read('x')).toBe('from b');
    expect(two.ran).toEqual(['a', 'b']);
    expect(await cancelled.promise).toMatchObject({ reason: 'ABORTED' });
    expect(two.outcomes).toMatchObject([['b', undefined], ['a', { code: 'canceled', reason: 'HEDGED' }]]);
    expect(two.client.stats()).toMatchObject({ calls: 1, succeeded: 1, hedges: 1, retries: 0, active: 0 });
    expect(two.client.nodes().map(({ inFlight }) => inFlight)).toEqual([0, 0]);
  });

  it('asks nobody else when the first is quick', async () => {
    await using two = await shops(['a', 'b'], (name) => name, { failMode: failbackup({ latencyMs: 5000 }) });
    for (let count = 0; count < 20; count++) expect(await two.client.service(Shop).Read('x')).toBe('a');
    expect(two.client.stats().hedges).toBe(0);
  });

  it('asks nobody else for what must not run twice', async () => {
    const door = deferred<string>();
    await using two = await shops(['a', 'b'], (name) => (name === 'a' ? door.promise : 'b'), { failMode: failbackup({ latencyMs: 0 }) });
    const bought = two.client.service(Shop).Buy('x');
    await until(() => two.ran.length === 1);
    expect(await two.client.service(Shop).Read('x')).toBe('b');
    door.resolve('once');
    expect(await bought).toBe('once');
    expect(two.ran).toEqual(['a', 'a', 'b']);
  });

  it.each(['first', 'second'])('goes on waiting when the %s of two fails, and takes the other’s success', async (fails) => {
    const both = deferred();
    const gone = deferred();
    await using two = await shops(['a', 'b'], async (name) => {
      if (name === 'b') both.resolve();
      await both.promise;
      if ((name === 'a') === (fails === 'first')) {
        gone.resolve();
        throw new RpcError('unavailable', 'not today');
      }
      await gone.promise;
      return name;
    });
    expect(await two.client.service(Shop).Read('x')).toBe(fails === 'first' ? 'b' : 'a');
    expect(two.ran).toEqual(['a', 'b']);
  });

  it('tries again elsewhere when both have failed, and the error lists every attempt', async () => {
    await using three = await shops(['a', 'b', 'c'], (name) => {
      throw new RpcError('unavailable', `no ${name}`);
    }, { failMode: failbackup({ latencyMs: 60_000, retries: 2, backoffMs: 0 }) });
    const error = await failure(three.client.service(Shop).Read('x'));
    expect(error).toMatchObject({ code: 'unavailable', attempts: [{ address: 'memory@a' }, { address: 'memory@b' }, { address: 'memory@c' }] });
    expect(error.message).toContain('3 attempts');
  });

  it('has nobody else to ask with one server, and just waits', async () => {
    const door = deferred<string>();
    await using one = await shops(['a'], () => door.promise, { failMode: failbackup({ latencyMs: 0 }) });
    const call = one.client.service(Shop).Read('x');
    await until(() => one.ran.length === 1);
    expect(one.client.stats().hedges).toBe(0);
    door.resolve('late');
    expect(await call).toBe('late');
  });

  it('spends from the budget of retries', async () => {
    await using two = await shops(['a', 'b'], (name) => (name === 'a' ? never() : 'b'), { retryBudget: { ratio: 0, perSecond: 0 } });
    expect(await failure(two.client.service(Shop).Read('x', { timeoutMs: 400 }))).toMatchObject({ code: 'deadline_exceeded' });
    expect(two.client.stats()).toMatchObject({ hedges: 0, overBudget: 1 });
  });

  it('ends both when the caller cancels, or when the time is over', async () => {
    await using two = await shops(['a', 'b'], never);
    const controller = new AbortController();
    const cancelled = failure(two.client.service(Shop).Read('x', { signal: controller.signal }));
    await until(() => two.ran.length === 2);
    controller.abort();
    expect(await cancelled).toMatchObject({ code: 'canceled', reason: 'ABORTED' });
    const late = failure(two.client.service(Shop).Read('x', { timeoutMs: 300 }));
    await until(() => two.ran.length === 4);
    expect(await late).toMatchObject({ code: 'deadline_exceeded', sent: true });
    expect(two.client.stats().active).toBe(0);
    expect(two.client.nodes().map(({ inFlight }) => inFlight)).toEqual([0, 0]);
    expect(two.outcomes).toHaveLength(4);
  });

  it('goes through the interceptors of attempts once for each', async () => {
    const seen: string[] = [];
    const interceptAttempt: Interceptor<ClientCall> = (next) => async (call) => {
      seen.push('begins');
      try {
        const reply = await next(call);
        seen.push('succeeds');
        return reply;
      } catch (error) {
        seen.push((error as RpcError).reason ?? 'fails');
        throw error;
      }
    };
    await using two = await shops(['a', 'b'], (name) => (name === 'a' ? never() : 'b'), { plugins: [{ name: 'watch', interceptAttempt }] });
    expect(await two.client.service(Shop).Read('x')).toBe('b');
    await until(() => seen.length === 4);
    expect(seen).toEqual(['begins', 'begins', 'succeeds', 'HEDGED']);
    expect(two.ran).toEqual(['a', 'b']);
  });

  it('measures by itself how long a method takes, and asks no second server at the usual speed', async () => {
    await using two = await shops(['a', 'b'], (name) => name, { failMode: failbackup() });
    for (let count = 0; count < 200; count++) await two.client.service(Shop).Read('x');
    expect(two.client.stats().hedges).toBeLessThan(20);
  });
});
