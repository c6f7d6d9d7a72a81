import { setImmediate as turn } from 'node:timers/promises';
import { manualClock, type ManualClock } from '@rpcxjs/testing';
import { reserved } from '@rpcxjs/protocol';
import { memoryNetwork } from '@rpcxjs/transport-memory';
import { describe, expect, it } from 'vitest';
import type { Client } from '../src/client.ts';
import { createClient } from '../src/client.ts';
import type { ClientOptions } from '../src/client-options.ts';
import { failfast } from '../src/fail-modes/failfast.ts';
import { failure, FakeServer, recordingLogger } from './fake-server.ts';

interface Cluster extends AsyncDisposable {
  readonly clock: ManualClock;
  readonly client: Client;
  readonly servers: readonly FakeServer[];
  /** How many calls each server got. */
  counts(): number[];
  state(address: string): string | undefined;
}

/** Servers that reply to everything, and a client that knows them and some addresses where nobody is. */
async function cluster(size: number, options: Partial<ClientOptions> = {}, dead: readonly string[] = []): Promise<Cluster> {
  const clock = manualClock();
  const network = memoryNetwork();
  const servers = await Promise.all(Array.from({ length: size }, (_, index) => FakeServer.listen(network, `s${index + 1}`, clock)));
  for (const server of servers) answers(server);
  const client = createClient({ servers: [...servers.map(({ address }) => address), ...dead], transports: [network], logger: recordingLogger(), clock, ...options });
  const end = async (): Promise<void> => {
    client.abort();
    await client.close();
  };
  return {
    clock,
    client,
    servers,
    counts: () => servers.map(({ received }) => received.length),
    state: (address) => client.nodes().find((node) => node.address === address)?.state,
    [Symbol.asyncDispose]: end,
  };
}

const write = (server: FakeServer, connection: FakeServer['connection'], act: () => void): void => {
  // A server replies on its last connection: this one, if it is the one of the call.
  if (server.connection === connection) act();
};
function answers(server: FakeServer): void {
  server.onCall = (call, connection) => write(server, connection, () => server.reply(call));
}
function throwsEverySecond(server: FakeServer): void {
  let count = 0;
  server.onCall = (call, connection) => write(server, connection, () => (count++ % 2 === 0 ? server.fail(call, 'planted') : server.reply(call)));
}
function keepsSilent(server: FakeServer): void {
  server.onCall = undefined;
}

const call = (client: Client, timeoutMs = 1000): Promise<unknown> => client.call('Arith', 'Mul', {}, { timeoutMs });

/** A call, and as much time as it takes: 'ok', or the code that it failed with. */
async function callIn({ client, clock }: Cluster, timeoutMs?: number): Promise<string> {
  let result = '';
  const made = call(client, timeoutMs).then(
    () => (result = 'ok'),
    (error: { readonly code: string }) => (result = error.code),
  );
  for (let turns = 0; turns < 5 && result === ''; turns++) await turn();
  for (; result === ''; ) await clock.advanceAsync(10);
  await made;
  return result;
}

async function callsIn(all: Cluster, count: number): Promise<string[]> {
  const results: string[] = [];
  for (let made = 0; made < count; made++) results.push(await callIn(all));
  return results;
}

const oks = (count: number): string[] => Array<string>(count).fill('ok');

describe('a client and the health of its servers', () => {
  it('G11: asks a server that is gone once, and no call fails', async () => {
    await using all = await cluster(2, {}, ['memory@gone']);
    expect(await callsIn(all, 30)).toEqual(oks(30));
    const gone = all.client.nodes().find(({ address }) => address === 'memory@gone');
    expect(gone).toMatchObject({ state: 'ejected', ejectedFor: 'unreachable', calls: 1, failures: 1, connections: 0, lastError: { code: 'unavailable' } });
    expect(all.counts()).toEqual([15, 15]);
  });

  it('G11: asks it again in time, with heartbeats first, and no call fails', async () => {
    await using all = await cluster(2, {}, ['memory@gone']);
    for (let second = 0; second < 60; second++) {
      expect(await callsIn(all, 10)).toEqual(oks(10));
      all.clock.advance(1000);
    }
    const gone = all.client.nodes().find(({ address }) => address === 'memory@gone');
    expect(all.client.stats().dialErrors).toBeGreaterThan(10);
    expect(gone?.calls).toBeLessThan(10);
  });

  it('G11: takes it back when it is there', async () => {
    await using all = await cluster(2, {}, ['memory@late']);
    await callsIn(all, 10);
    const late = await FakeServer.listen(all.servers[0]?.network, 'late', all.clock);
    answers(late);
    all.clock.advance(5000);
    expect(await callsIn(all, 31)).toEqual(oks(31));
    expect(Math.abs(late.received.length - 10)).toBeLessThanOrEqual(1);
    expect(all.state(late.address)).toBe('healthy');
  });

  it('E3: avoids a server that takes calls and answers none, after five of them', async () => {
    await using all = await cluster(3, { failMode: failfast() });
    const [frozen] = all.servers as [FakeServer];
    await callsIn(all, 30);
    keepsSilent(frozen);
    const results = await callsIn(all, 60);
    expect(results.filter((result) => result !== 'ok')).toEqual(Array<string>(5).fill('deadline_exceeded'));
    expect(all.state(frozen.address)).toBe('ejected');
    const after = frozen.received.length;
    await callsIn(all, 30);
    expect(frozen.received.length).toBe(after);
    answers(frozen);
    all.clock.advance(10_000);
    expect(await callsIn(all, 30)).toEqual(oks(30));
    expect(all.state(frozen.address)).toBe('healthy');
    expect(frozen.received.length).toBeGreaterThan(after + 5);
  });

  it('E3: loses no more calls to a server that is frozen for 20 s than were under way when it was found out', async () => {
    await using all = await cluster(3, { failMode: failfast() });
    const [frozen] = all.servers as [FakeServer];
    const failedAt: number[] = [];
    const states = new Set<string | undefined>();
    const run = async (seconds: number): Promise<void> => {
      for (let tick = 0; tick < seconds * 50; tick++) {
        const began = all.clock.now();
        void call(all.client).catch(() => failedAt.push(began));
        await all.clock.advanceAsync(20);
        states.add(all.state(frozen.address));
      }
    };
    await run(2);
    const frozenAt = all.clock.now();
    frozen.greets = 'nothing';
    keepsSilent(frozen);
    await run(20);
    const lost = [...failedAt];
    expect(lost.length).toBeGreaterThan(5);
    // What was sent within a deadline and five more is all that is lost.
    expect(Math.max(...lost) - frozenAt).toBeLessThan(1500);
    expect(states).toContain('probing');
    frozen.greets = 'echo';
    answers(frozen);
    states.clear();
    await run(20);
    expect(failedAt).toEqual(lost);
    expect(all.state(frozen.address)).toBe('healthy');
  });

  it('D8: avoids one of five that fails half of its calls within two intervals, and takes it back with one call when it is well', async () => {
    await using all = await cluster(5, { failMode: failfast() });
    const [sick] = all.servers as [FakeServer];
    throwsEverySecond(sick);
    for (let second = 0; second < 15; second++) {
      await callsIn(all, 20);
      all.clock.advance(1000);
    }
    expect(all.client.nodes().find(({ address }) => address === sick.address)).toMatchObject({ state: 'ejected', ejectedFor: 'success-rate' });
    const before = sick.received.length;
    expect(await callsIn(all, 100)).toEqual(oks(100));
    expect(sick.received.length).toBe(before);
    answers(sick);
    all.clock.advance(30_000);
    // The first one has it asked with a heartbeat, the second one goes there.
    expect(await callsIn(all, 2)).toEqual(oks(2));
    expect([sick.received.length, all.state(sick.address)]).toEqual([before + 1, 'healthy']);
  });

  it('D8: never blocks the only server', async () => {
    await using all = await cluster(1, { failMode: failfast() });
    const [only] = all.servers as [FakeServer];
    keepsSilent(only);
    expect(await callsIn(all, 10)).toEqual(Array<string>(10).fill('deadline_exceeded'));
    expect([only.received.length, all.state(only.address)]).toEqual([10, 'suspect']);
    answers(only);
    expect(await callIn(all)).toBe('ok');
    expect(all.state(only.address)).toBe('healthy');
  });

  it('D8: uses all servers when all are sick, and those that are well when some are', async () => {
    await using all = await cluster(3, { failMode: failfast() });
    for (const server of all.servers) keepsSilent(server);
    await callsIn(all, 45);
    const before = all.counts();
    await callsIn(all, 9);
    for (const [index, count] of all.counts().entries()) expect(count - (before[index] ?? 0)).toBeGreaterThanOrEqual(2);
    expect(all.client.nodes().map(({ state }) => state)).toEqual(['suspect', 'suspect', 'suspect']);
    for (const server of all.servers.slice(0, 2)) answers(server);
    await callsIn(all, 6);
    expect(await callsIn(all, 20)).toEqual(oks(20));
  });

  it('D8: says in the error of a call which servers it avoided, and why', async () => {
    await using all = await cluster(1, {}, ['memory@gone1', 'memory@gone2']);
    const [busy] = all.servers as [FakeServer];
    busy.greets = 'agree';
    await callsIn(all, 9);
    const refusal = JSON.stringify({ code: 'unavailable', reason: 'OVERLOADED', unrun: true });
    busy.onCall = (one, connection) => write(busy, connection, () => busy.fail(one, 'too busy', { [reserved.structuredError]: refusal }));
    const failed = failure(call(all.client, 5000));
    for (let turns = 0; turns < 100; turns++) await all.clock.advanceAsync(1);
    const { message } = await failed;
    expect(message).toMatch(/^too busy \(after \d attempts; memory@gone1 is avoided .+: unavailable: no connection to memory@gone1: .+; memory@gone2 is avoided .+\)$/);
  });

  it('leaves a server alone for as long as the program says', async () => {
    await using all = await cluster(3);
    const [bad] = all.servers as [FakeServer];
    all.client.quarantine(bad.address, 60_000);
    expect(await callsIn(all, 20)).toEqual(oks(20));
    expect(all.counts()).toEqual([0, 10, 10]);
    all.client.quarantine(bad.address, 0);
    expect(await callsIn(all, 20)).toEqual(oks(20));
    expect(bad.received.length).toBeGreaterThan(4);
    for (const [address, forMs] of [['', 1], ['memory@', 1], [bad.address, -1], [bad.address, Number.NaN]] as const) {
      expect(() => all.client.quarantine(address, forMs)).toThrow(TypeError);
    }
  });

  it('shows what it knows as plain JSON', async () => {
    await using all = await cluster(2);
    await callsIn(all, 4);
    const nodes = all.client.nodes();
    expect(JSON.parse(JSON.stringify(nodes))).toEqual(nodes);
    expect(nodes).toMatchObject([
      { address: 'memory@s1', state: 'healthy', inFlight: 0, calls: 2, failures: 0, connections: 1 },
      { address: 'memory@s2', state: 'healthy', inFlight: 0, calls: 2, failures: 0, connections: 1 },
    ]);
    for (const { p50Ms, p95Ms, p99Ms } of nodes) for (const time of [p50Ms, p95Ms, p99Ms]) expect(time).toBeGreaterThanOrEqual(0);
  });

  it('judges nobody when it is told so', async () => {
    await using all = await cluster(3, { failMode: failfast(), health: false });
    const [frozen] = all.servers as [FakeServer];
    keepsSilent(frozen);
    const results = await callsIn(all, 60);
    expect(results.filter((result) => result !== 'ok')).toHaveLength(20);
    expect(all.client.nodes()).toEqual([]);
    expect(() => all.client.quarantine(frozen.address, 1000)).toThrow(new TypeError('quarantine: the client was made with health: false, and avoids nobody'));
  });

  it('is not made with a health that cannot work', async () => {
    expect(() => createClient({ servers: 'memory@s1', transports: [memoryNetwork()], health: { maxEjectedShare: 50 } })).toThrow(
      new TypeError('health.maxEjectedShare is 50: it takes a share from 0 to 1'),
    );
  });
});
