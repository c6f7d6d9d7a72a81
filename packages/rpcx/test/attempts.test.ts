import { memoryNetwork } from '@rpcxjs/transport-memory';
import { describe, expect, it } from 'vitest';
import { contract, createClient, createServer, failfast, failover, roundRobin, RpcError, unary, type Client, type ClientOptions, type Picker, type Server } from '../src/index.ts';
import { deferred, failure, until } from './pair.ts';

const Counter = contract('Counter', { Add: unary<number, string>(), Read: unary<void, string>({ idempotent: true }) });

interface Farm extends AsyncDisposable {
  readonly client: Client;
  readonly servers: readonly Server[];
  readonly ran: Record<string, number>;
}
type Behave = (name: string) => string | Promise<string>;

async function farm(names: readonly string[], behave: Behave, options: Partial<ClientOptions> = {}): Promise<Farm> {
  const network = memoryNetwork();
  const ran: Record<string, number> = {};
  const servers: Server[] = [];
  for (const name of names) {
    const run = (): string | Promise<string> => {
      ran[name] = (ran[name] ?? 0) + 1;
      return behave(name);
    };
    const server = createServer({ transports: [network] }).register(Counter, { Add: run, Read: run });
    await server.listen(`memory@${name}`);
    servers.push(server);
  }
  const client = createClient({ servers: names.map((name) => `memory@${name}`), transports: [network], failMode: failover({ backoffMs: 1 }), ...options });
  const end = async (): Promise<void> => {
    client.abort();
    for (const server of servers) server.abort();
    await Promise.all([client.close(), ...servers.map((server) => server.close())]);
  };
  return { client, servers, ran, [Symbol.asyncDispose]: end };
}

describe('several servers', () => {
  it('take turns', async () => {
    await using three = await farm(['a', 'b', 'c'], (name) => name, { selector: roundRobin() });
    const service = three.client.service(Counter);
    for (let count = 0; count < 30; count++) await service.Add(1);
    expect(three.ran).toEqual({ a: 10, b: 10, c: 10 });
  });

  it('stand in for one that is down', async () => {
    await using three = await farm(['a', 'b', 'c'], (name) => name);
    three.servers[1]?.abort();
    const service = three.client.service(Counter);
    for (let count = 0; count < 30; count++) await service.Add(1);
    expect(three.ran['b']).toBeUndefined();
    expect((three.ran['a'] ?? 0) + (three.ran['c'] ?? 0)).toBe(30);
  });

  it('stand in for one that is down for raw messages too, of which nothing was sent', async () => {
    await using two = await farm(['a', 'b'], (name) => name, { servers: ['memory@a', 'memory@b', 'memory@nobody'], selector: roundRobin() });
    const message = { service: 'Counter', method: 'Add', metadata: {}, payload: new Uint8Array([49]), codecId: 1, compressorId: 0, oneway: false, error: false };
    const replies = await Promise.all(Array.from({ length: 9 }, () => two.client.raw(message)));
    expect(replies.map(({ error }) => error)).toEqual(Array.from({ length: 9 }, () => false));
    expect((two.ran['a'] ?? 0) + (two.ran['b'] ?? 0)).toBe(9);
  });

  it('stand in for one that announced its end', async () => {
    const door = deferred();
    await using two = await farm(['a', 'b'], async (name) => (await door.promise, name));
    const service = two.client.service(Counter);
    const held = [service.Add(1), service.Add(1)];
    await until(() => two.ran['a'] === 1 && two.ran['b'] === 1);
    const closing = two.servers[0]?.close();
    await until(() => two.client.nodes().some(({ ejectedFor }) => ejectedFor === 'draining'));
    const later = Array.from({ length: 10 }, () => service.Add(1));
    door.resolve();
    expect((await Promise.all(held)).toSorted()).toEqual(['a', 'b']);
    expect(await Promise.all(later)).toEqual(Array.from({ length: 10 }, () => 'b'));
    await closing;
  });
});

describe('D5 in short: an attempt that may have run', () => {
  it('is not repeated, unless the method is idempotent', async () => {
    await using two = await farm(['a', 'b'], (name) => {
      if (name === 'a') two.servers[0]?.abort();
      return name;
    });
    const service = two.client.service(Counter);
    const outcomes = [await service.Add(1).catch((error: RpcError) => error.reason), await service.Add(1).catch((error: RpcError) => error.reason)];
    expect(outcomes.toSorted()).toEqual(['CONNECTION_LOST', 'b']);
    expect(two.ran).toEqual({ a: 1, b: 1 });
  });

  it('of an idempotent method is repeated elsewhere', async () => {
    await using two = await farm(['a', 'b'], (name) => {
      if (name === 'a') two.servers[0]?.abort();
      return name;
    });
    const service = two.client.service(Counter);
    expect([await service.Read(), await service.Read()]).toEqual(['b', 'b']);
  });

  it('is not repeated when a handler failed', async () => {
    await using two = await farm(['a', 'b'], () => { throw new RpcError('unavailable', 'the database is away'); });
    await failure(two.client.service(Counter).Add(1));
    expect((two.ran['a'] ?? 0) + (two.ran['b'] ?? 0)).toBe(1);
  });
});

describe('a fail mode', () => {
  it('failfast makes one attempt, failover as many as it says; the error lists them', async () => {
    await using none = await farm([], () => '', { servers: 'memory@nobody', failMode: failfast() });
    expect((await failure(none.client.service(Counter).Add(1)))['attempts']).toBeUndefined();
    const error = await failure(none.client.service(Counter, { failMode: failover({ retries: 4, backoffMs: 0 }) }).Add(1));
    expect(error['attempts']).toHaveLength(5);
    expect(error.message).toContain('after 5 attempts');
  });

  it('that makes no sense is refused', () => {
    expect(() => failover({ retries: -1 })).toThrow('retries is -1');
  });
});

describe('a pick', () => {
  it('is told once how its attempt went, also if the call is cancelled between two of them', async () => {
    const outcomes: unknown[] = [];
    const picker: Picker = { pick: () => ({ instance: { address: 'memory@nobody', metadata: {} }, done: ({ error }) => void outcomes.push((error as RpcError).reason) }) };
    await using none = await farm([], () => '', { servers: 'memory@nobody', timeoutMs: Infinity, selector: { name: 's', build: () => picker }, failMode: failover({ backoffMs: 60_000, maxBackoffMs: 60_000 }) });
    const controller = new AbortController();
    const call = failure(none.client.call('A', 'B', 1, { signal: controller.signal }));
    await until(() => none.client.stats().retries === 1);
    controller.abort('enough');
    expect(await call).toMatchObject({ code: 'canceled', reason: 'ABORTED', cause: 'enough' });
    expect(outcomes).toEqual(['CONNECT_FAILED']);
  });
});

describe('a server that is down', () => {
  it('is dialled by calls, but not by each of them', async () => {
    let dials = 0;
    const transport = { networks: ['memory'], dial: () => { dials += 1; return Promise.reject(new Error('down')); } };
    await using none = await farm([], () => '', { servers: 'memory@nobody', transports: [transport], failMode: failfast() });
    for (let count = 0; count < 500; count++) await failure(none.client.service(Counter).Add(1));
    expect(dials).toBeLessThan(50);
  });

  it('fails all calls that waited for it with one dial', async () => {
    let dials = 0;
    const transport = { networks: ['memory'], dial: () => { dials += 1; return Promise.reject(new Error('down')); } };
    await using none = await farm([], () => '', { servers: 'memory@nobody', transports: [transport], failMode: failfast() });
    const service = none.client.service(Counter);
    const errors = await Promise.all(Array.from({ length: 100 }, () => failure(service.Add(1))));
    expect(errors.every(({ reason }) => reason === 'CONNECT_FAILED')).toBe(true);
    expect(dials).toBe(1);
  });

  it('does not hold more calls than allowed', async () => {
    const transport = { networks: ['memory'], dial: () => new Promise<never>(() => {}) };
    await using none = await farm([], () => '', { servers: 'memory@nobody', transports: [transport], limits: { maxQueuedCalls: 3 }, failMode: failfast() });
    const service = none.client.service(Counter);
    const held = Array.from({ length: 3 }, () => failure(service.Add(1)));
    expect(await failure(service.Add(1))).toMatchObject({ code: 'resource_exhausted', reason: 'OVERLOADED', sent: false });
    expect(none.client.stats().queued).toBe(3);
    none.client.abort();
    expect((await Promise.all(held)).every(({ reason }) => reason === 'CLOSED')).toBe(true);
  });
});
