import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { contract, methodsOf, push, RpcError, unary, type Peer } from '../src/index.ts';
import { deferred, failure, pair, until } from './pair.ts';

const Work = contract('Work', { Echo: unary<unknown, unknown>(), Slow: unary<number, number>(), Note: unary<unknown, void>(), Begin: unary<void, string>(), Tick: push<number>(), Other: push<string>() });
const { Echo, Slow, Note, Begin } = Work.methods;

describe('calls over one connection', () => {
  it('G01: are answered in any order, each with its own reply', async () => {
    const order: number[] = [];
    await using both = await pair((server) => server.registerFunction('Work', 'Slow', async (n: number) => {
      await delay((n * 7919) % 50);
      order.push(n);
      return n * n;
    }));
    const replies = await Promise.all(Array.from({ length: 100 }, (_, n) => both.client.start(Slow, n)));
    expect(replies).toEqual(Array.from({ length: 100 }, (_, n) => n * n));
    expect(order).not.toEqual(order.toSorted((a, b) => a - b));
    expect(both.server.stats()).toMatchObject({ connectionsAccepted: 1, calls: 100 });
  });

  it('G41: N01: take a value and give one, none and none included', async () => {
    await using both = await pair((server) => {
      server.registerFunction('Work', 'Echo', (input: unknown) => input);
      server.registerFunction('Arith', 'Multiply', ({ A, B }: { A: number; B: number }) => A * B);
    });
    expect(await both.client.call('Work', 'Echo', null)).toBeNull();
    expect(await both.client.call('Arith', 'Multiply', { A: 7, B: 8 })).toBe(56);
    expect(await both.client.start(methodsOf<{ Multiply(args: { A: number; B: number }): number }>('Arith').Multiply, { A: 7, B: 8 })).toBe(56);
  });

  it.each([50, 200])('G09: end after %d ms when the handler never answers', async (timeoutMs) => {
    const door = deferred();
    await using both = await pair((server) => server.registerFunction('Work', 'Slow', () => door.promise));
    await both.client.call('Work', 'Nothing', 1).catch(() => {});
    const began = performance.now();
    expect(await failure(both.client.call('Work', 'Slow', 1, { timeoutMs }))).toMatchObject({ code: 'deadline_exceeded', reason: 'TIMEOUT' });
    const took = performance.now() - began;
    door.resolve();
    expect(took).toBeGreaterThan(timeoutMs - 20);
    expect(took).toBeLessThan(timeoutMs + 200);
  });

  it('G11: one-way ones run each once, and get no reply, not even an error', async () => {
    const ran: unknown[] = [];
    await using both = await pair((server) => server.registerFunction('Work', 'Note', (input: number) => {
      ran.push(input);
      if (input % 2 === 1) throw new RpcError('internal', 'nobody hears it');
      return 'nor that';
    }));
    await both.client.call('Work', 'Nothing', 1).catch(() => {});
    const before = both.server.stats().traffic.framesWritten;
    for (let n = 0; n < 50; n++) await both.client.oneway(Note, n);
    await Promise.all(Array.from({ length: 50 }, (_, n) => both.client.oneshot(Note, 50 + n)));
    await until(() => ran.length === 100);
    expect(await failure(both.client.call('Work', 'Nothing', 1))).toMatchObject({ reason: 'UNKNOWN_METHOD' });
    // The one reply is that of the call just before.
    expect(both.server.stats().traffic.framesWritten - before).toBe(1);
    expect(ran).toEqual(Array.from({ length: 100 }, (_, n) => n));
  });

  it('M29: have less time left at the server than they were given, and the metadata of contributors in their order', async () => {
    const seen: unknown[] = [];
    await using both = await pair(
      (server) => server.registerFunction('Work', 'Echo', (_: unknown, call) => {
        seen.push(Object.keys(call.metadata).filter((key) => key.startsWith('h')), call.metadata['trace'], call.remainingMs());
        return null;
      }),
      { client: { headers: [(metadata) => { metadata['trace'] = 'abc'; metadata['h2'] = ''; }, (metadata) => { metadata['h1'] = String(metadata['trace']); }] } },
    );
    await both.client.call('Work', 'Echo', 1, { timeoutMs: 500, metadata: { h0: '' } });
    expect(seen.slice(0, 2)).toEqual([['h0', 'h2', 'h1'], 'abc']);
    expect(seen[2]).toBeGreaterThan(0);
    expect(seen[2]).toBeLessThanOrEqual(500);
  });
});

describe('the channel of a client', () => {
  it('M15: has every message of the servers, as many as they send and whenever: service, method, metadata, value', async () => {
    const peers: Peer[] = [];
    await using both = await pair((server) => server.register(Work, {
      Echo: (input) => input, Slow: (n) => n, Note: () => {},
      Begin: (_, call) => {
        peers.push(call.peer);
        return 'begun';
      },
    }));
    const messages = both.client.messages();
    const ticks: number[] = [];
    both.client.onPush(Work.methods.Tick, (n) => ticks.push(n));
    expect(await both.client.start(Begin, undefined)).toBe('begun');
    // The call is over: what comes now comes by itself.
    for (let n = 0; n < 10; n++) setTimeout(() => void peers[0]?.push(Work.methods.Tick, n, { nth: String(n) }), n);
    const got: unknown[] = [];
    for await (const { service, method, metadata, address, codecId, payload, decode } of messages) {
      got.push([service, method, metadata['nth'], decode<number>()]);
      expect([address, codecId, payload.length]).toEqual([both.address, 3, 1]);
      if (got.length === 10) break;
    }
    expect(got).toEqual(Array.from({ length: 10 }, (_, n) => ['Work', 'Tick', String(n), n]));
    expect(ticks).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    expect(await messages.next()).toEqual({ value: undefined, done: true });
  });

  it('drops the oldest when its reader falls behind, counts them, and ends with the client', async () => {
    const peers: Peer[] = [];
    await using both = await pair((server) => server.registerFunction('Work', 'Begin', (_: unknown, call) => void peers.push(call.peer)), { client: { limits: { maxQueuedPushes: 3 } } });
    const messages = both.client.messages();
    const other = both.client.messages();
    other[Symbol.dispose]();
    await both.client.call('Work', 'Begin', null);
    for (let n = 0; n < 5; n++) await peers[0]?.push(Work.methods.Other, `m${n}`);
    await both.client.call('Work', 'Begin', null);
    expect(both.client.stats().droppedPushes).toBe(2);
    await both.client.close();
    const rest: unknown[] = [];
    for await (const message of messages) rest.push(message.decode());
    expect(rest).toEqual(['m2', 'm3', 'm4']);
    expect(await both.client.messages().next()).toEqual({ value: undefined, done: true });
  });
});

it('what a method of a contract says about its codec and idempotence holds for every verb', async () => {
  let runs = 0;
  await using both = await pair((server) => server.registerFunction('Work', 'Echo', (input: unknown) => { runs += 1; return input; }));
  const batch = both.client.batch();
  const item = batch.add(Echo, 'batch');
  await batch.call();
  expect([await both.client.start(Echo, 'start'), await item, await both.client.fork(Echo, 'fork')]).toEqual(['start', 'batch', 'fork']);
  expect((await both.client.broadcast(Echo, 'broadcast')).map(({ value }) => value)).toEqual(['broadcast']);
  expect(runs).toBe(4);
});
