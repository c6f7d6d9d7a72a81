import { RpcError, type Connection, type Dialer } from '@rpcxjs/core';
import { manualClock } from '@rpcxjs/testing';
import { memoryNetwork } from '@rpcxjs/transport-memory';
import { describe, expect, it } from 'vitest';
import { openLink } from './calls.ts';
import { call, closeAfterEach, counting, open } from './counting-server.ts';
import { deferred, failure, settled, until, type FakeServer } from './fake-server.ts';

closeAfterEach();

/** Twenty hosts that refuse a dial when its door is opened, beside the server, which takes all at once. */
function slowHosts(server: FakeServer): { readonly hosts: readonly string[]; readonly doors: (() => void)[]; readonly dials: { now: number; most: number }; readonly slow: Dialer } {
  const doors: (() => void)[] = [];
  const dials = { now: 0, most: 0 };
  const slow: Dialer = {
    networks: ['memory'],
    dial: async (address, options) => {
      if (address.host === 'healthy') return server.network.dial(address, options);
      dials.most = Math.max(dials.most, (dials.now += 1));
      await new Promise<void>((resolve) => doors.push(resolve));
      dials.now -= 1;
      throw new Error('down');
    },
  };
  return { hosts: Array.from({ length: 20 }, (_, index) => `memory@slow${index}`), doors, dials, slow };
}

describe('a pool of a fixed size', () => {
  it('M04: gives each of 3 connections 10 of 30 calls, at once or one after the other', async () => {
    const { server, counts } = await counting();
    const client = open({ servers: server.address, transports: [server.network], pool: { connections: 3 } });
    await client.ready();
    await Promise.all(call(client, 30));
    expect(counts()).toEqual([10, 10, 10]);
    for (let index = 0; index < 30; index++) await client.call('S', 'M', 1);
    expect(counts()).toEqual([20, 20, 20]);
    expect(client.stats().connections).toBe(3);
  });

  it('is opened whole by the first call, whose queue the connections share', async () => {
    const { server, counts } = await counting();
    const client = open({ servers: server.address, transports: [server.network], pool: { connections: 3 } });
    await Promise.all(call(client, 30));
    await until(() => server.connections.length === 3);
    expect(counts().reduce((sum, count) => sum + count, 0)).toBe(30);
  });

  it('G02: with one of 3 connections stalled finishes all calls through the other two', async () => {
    const clock = manualClock();
    const { server, counts } = await counting();
    const client = open({ servers: server.address, transports: [server.network], pool: { connections: 3 }, clock });
    await client.ready();
    const stalled = server.connections[1] as Connection;
    stalled.pause();
    // What the stalled one took is noticed by its silence; whatever comes later sees that it answers nothing.
    const early = call(client, 3);
    const after = [...early.slice(0, 1), ...early.slice(2)];
    await Promise.all(after);
    for (let index = 0; index < 100; index++) await client.call('S', 'M', 1);
    expect(counts()[1]).toBe(0);
    expect(counts()[0]).toBeGreaterThan(30);
    expect(counts()[2]).toBeGreaterThan(30);
    const lost = failure(early[1] as Promise<unknown>);
    await clock.advanceAsync(5100);
    expect(await lost).toMatchObject({ code: 'unavailable', reason: 'PEER_SILENT', sent: true });
  });

  it('M11: loses a dead connection at once: the next call needs none that fails in between', async () => {
    const { server, counts } = await counting();
    const client = open({ servers: server.address, transports: [server.network], pool: { connections: 2 } });
    await client.ready();
    server.network.links[0]?.cut();
    await until(() => client.stats().connections === 1);
    await Promise.all(call(client, 4));
    await until(() => client.stats().connections === 2);
    await Promise.all(call(client, 4));
    expect(client.stats()).toMatchObject({ failed: 0, retries: 0, succeeded: 8 });
    expect(counts()[0]).toBe(0);
    const one = open({ servers: server.address, transports: [server.network] });
    await one.call('S', 'M', 1);
    const before = server.connections.length;
    server.network.links.at(-1)?.cut();
    await until(() => one.stats().connections === 0);
    await one.call('S', 'M', 1);
    expect([server.connections.length, one.stats().failed]).toEqual([before + 1, 0]);
  });
});

describe('ready()', () => {
  it('M05: opens 2 + 3 connections before the first call', async () => {
    const network = memoryNetwork();
    const [first, second] = [await counting({ network, host: 'first' }), await counting({ network, host: 'second' })];
    const client = open({ servers: ['memory@first', 'memory@second'], transports: [network], pool: { connections: 3, initial: { 'memory@first': 2, 'memory@second': 3 } } });
    await client.ready();
    expect([first.server.connections.length, second.server.connections.length, client.stats().calls]).toEqual([2, 3, 0]);
    await client.ready();
    expect(client.stats().connections).toBe(5);
  });

  it('M05: rejects when one host is down, and keeps what came', async () => {
    const network = memoryNetwork();
    await counting({ network, host: 'first' });
    const client = open({ servers: ['memory@first', 'memory@second'], transports: [network] });
    expect(await failure(client.ready())).toMatchObject({ code: 'unavailable', reason: 'CONNECT_FAILED', address: 'memory@second', message: expect.stringContaining('no connection to memory@second') as string });
    expect(client.stats().connections).toBe(1);
  });

  it('rejects on a client that is closed', async () => {
    const { server } = await counting();
    const client = open({ servers: server.address, transports: [server.network] });
    await client.close();
    expect(await failure(client.ready())).toMatchObject({ code: 'failed_precondition', reason: 'CLOSED' });
  });
});

describe('a pool that grows', () => {
  it('M06: is not busy with 5 calls that wait for a blocked writer and room for 8, and with 6 it is', async () => {
    const { server } = await counting();
    server.deaf = true;
    const { link, send } = openLink({ transports: [server.network], queue: { max: 8 }, limits: { highWaterBytes: 1000 } });
    send('big', { input: 'x'.repeat(200_000) });
    await settled();
    for (let index = 1; index <= 5; index++) send('small');
    expect([link.queued, link.inFlight, link.busy]).toEqual([5, 1, false]);
    send('small');
    expect([link.queued, link.busy]).toEqual([6, true]);
    link.abort(new RpcError('canceled', 'done'));
  });

  it('M07: from a blocked first connection to 2, then 3, never 4', async () => {
    const { server } = await counting();
    server.deaf = true;
    const client = open({ servers: server.address, transports: [server.network], pool: { grow: 'busy', max: 3, busyAt: 2 }, limits: { highWaterBytes: 1000 }, codecs: [] });
    const text = 'x'.repeat(100_000);
    const sizes: number[] = [];
    for (let index = 0; index < 20; index++) {
      void client.call('S', 'M', text).catch(() => {});
      await settled();
      sizes.push(server.connections.length);
    }
    expect([...new Set(sizes)]).toEqual([1, 2, 3]);
  });

  it('M07: does not with grow never', async () => {
    const { server } = await counting();
    server.deaf = true;
    const client = open({ servers: server.address, transports: [server.network], limits: { highWaterBytes: 1000 } });
    for (let index = 0; index < 20; index++) {
      void client.call('S', 'M', 'x'.repeat(100_000)).catch(() => {});
      await settled();
    }
    expect(server.connections.length).toBe(1);
  });

  it('grows as well when all that there are have as many calls in flight as makes them busy', async () => {
    const one = await counting();
    one.hold();
    const client = open({ servers: one.server.address, transports: [one.server.network], pool: { grow: 'busy', max: 2, busyAt: 4 } });
    await client.ready();
    const first = call(client, 3);
    await settled();
    expect(one.server.connections.length).toBe(1);
    const rest = [...call(client, 1)];
    await until(() => one.server.connections.length === 2);
    rest.push(...call(client, 20));
    await settled();
    expect(one.server.connections.length).toBe(2);
    const counts = one.counts();
    expect(Math.abs((counts[0] as number) - (counts[1] as number))).toBeLessThanOrEqual(1);
    one.release();
    await Promise.all([...first, ...rest]);
  });

  it('M10: closes what was idle for idleMs although heartbeats ran, but not a locked connection, and keeps one', async () => {
    const clock = manualClock();
    const one = await counting();
    one.hold();
    const client = open({ servers: one.server.address, transports: [one.server.network], clock, timeoutMs: Infinity, pool: { grow: 'busy', max: 3, busyAt: 1, idleMs: 200 }, heartbeat: { idleMs: 50, busyMs: 50, answerMs: 30 } });
    const calls = call(client, 1);
    await until(() => one.held.length === 1);
    calls.push(...call(client, 1));
    await until(() => one.server.connections.length === 2);
    calls.push(...call(client, 1));
    await until(() => one.server.connections.length === 3);
    one.release();
    await Promise.all(calls);
    const locked = await client.lock();
    expect([client.stats().connections, one.server.connections.length]).toEqual([3, 3]);
    await clock.advanceAsync(170);
    expect(client.stats().connections).toBe(3);
    const beats = one.server.heartbeats.length;
    expect(beats).toBeGreaterThan(3);
    await clock.advanceAsync(260);
    expect(one.server.heartbeats.length).toBeGreaterThan(beats);
    expect([client.stats().connections, one.server.network.links.length]).toEqual([2, 2]);
    expect(await locked.call('S', 'M', 1)).toBe('ok');
    await clock.advanceAsync(1000);
    expect(client.stats().connections).toBe(2);
    locked.release();
    await clock.advanceAsync(1000);
    await until(() => client.stats().connections === 1);
    expect(await client.call('S', 'M', 1)).toBe('ok');
  });
});

describe('a burst', () => {
  /** A server that holds its calls, over a dialer whose connections after the first wait for `let` or fail. */
  async function slowToGrow() {
    const one = await counting();
    one.hold();
    const doors: ReturnType<typeof deferred>[] = [];
    const dialer: Dialer = {
      networks: ['memory'],
      dial: async (...given) => {
        if (one.server.connections.length > 0) await (doors[doors.push(deferred()) - 1] as (typeof doors)[number]).promise;
        return one.server.network.dial(...given);
      },
    };
    return { ...one, dialer, doors };
  }

  it('lets a pool open as many connections as it takes, so many at once, and no more than that', async () => {
    const { server, dialer, doors, release, counts } = await slowToGrow();
    const client = open({ servers: server.address, transports: [dialer], pool: { grow: 'busy', max: 20, busyAt: 10, maxDials: 3 } });
    await client.ready();
    const calls = call(client, 65);
    await settled();
    expect(doors.length).toBe(3);
    for (const door of doors) door.resolve(undefined);
    await settled();
    // There is room again.
    expect(doors.length).toBe(3);
    calls.push(...call(client, 30));
    await settled();
    expect([counts(), doors.length]).toEqual([[65, 10, 10, 10], 6]);
    for (const door of doors) door.resolve(undefined);
    await settled();
    expect(client.stats().connections).toBe(7);
    release();
    await Promise.all(calls);
  });

  it('that comes before the first connection lets the pool grow as soon as that is there', async () => {
    const { server, dialer, doors, release } = await slowToGrow();
    const client = open({ servers: server.address, transports: [dialer], pool: { grow: 'busy', max: 3, busyAt: 10 } });
    const calls = call(client, 100);
    await until(() => doors.length === 2);
    for (const door of doors) door.resolve(undefined);
    await until(() => client.stats().connections === 3);
    release();
    await Promise.all(calls);
    expect(doors.length).toBe(2);
  });

  it('does not dial in circles where the server takes no further connection', async () => {
    const clock = manualClock();
    const { server, dialer, doors, release } = await slowToGrow();
    const client = open({ servers: server.address, transports: [dialer], clock, pool: { grow: 'busy', max: 3, busyAt: 1 } });
    await client.ready();
    const calls: Promise<unknown>[] = [];
    for (let count = 0; count < 100; count++) {
      calls.push(...call(client, 1));
      for (const door of doors) door.reject(new Error('too many'));
      await settled();
    }
    expect(doors.length).toBe(1);
    await clock.advanceAsync(5000);
    calls.push(...call(client, 1));
    await settled();
    expect(doors.length).toBe(3);
    for (const door of doors) door.resolve(undefined);
    release();
    await Promise.all(calls);
  });
});

describe('dials', () => {
  it('M08: 1000 calls to a host that is slow to dial make one', async () => {
    const { server } = await counting();
    const door = deferred();
    let dials = 0;
    const slow: Dialer = { networks: ['memory'], dial: async (...given) => { dials += 1; await door.promise; return server.network.dial(...given); } };
    const client = open({ servers: server.address, transports: [slow] });
    const calls = call(client, 1000);
    await settled();
    door.resolve();
    await Promise.all(calls);
    expect(dials).toBe(1);
  });

  it('M08: to 20 slow hosts are 4 at once at most, and a healthy host is not delayed', async () => {
    const { server } = await counting({ host: 'healthy' });
    const { hosts, doors, dials, slow } = slowHosts(server);
    const client = open({ servers: [server.address, ...hosts], transports: [slow], pool: { initial: 1 } });
    await client.ping(server.address);
    const ready = failure(client.ready());
    const slowPings = Promise.all(hosts.map((host) => failure(client.ping(host))));
    await settled();
    expect([dials.now, doors.length]).toEqual([4, 4]);
    expect(await client.ping(server.address)).toBeLessThan(1000);
    while (doors.length > 0) {
      doors.shift()?.();
      await settled();
    }
    await slowPings;
    expect((await ready).reason).toBe('CONNECT_FAILED');
    expect(dials.most).toBe(4);
  });

  it('M08: to slow hosts give their places to others after half a second, and 8 are open at once at most', async () => {
    const { server } = await counting({ host: 'healthy' });
    const { hosts, doors, dials, slow } = slowHosts(server);
    const client = open({ servers: [server.address, ...hosts], transports: [slow] });
    const early = hosts.slice(0, 4).map((host) => failure(client.ping(host)));
    await settled();
    expect(dials.now).toBe(4);
    expect(await client.ping(server.address, { timeoutMs: 2000 })).toBeLessThan(2000);
    const late = hosts.slice(4).map((host) => failure(client.ping(host)));
    await until(() => dials.now === 8);
    while (doors.length > 0) {
      doors.shift()?.();
      await settled();
    }
    await Promise.all([...early, ...late]);
    expect(dials).toEqual({ now: 0, most: 8 });
  });

  it('M09: are bounded as a whole, what plugins do included', async () => {
    const clock = manualClock();
    const { server } = await counting();
    const opened: Connection[] = [];
    const stuck = { name: 'stuck', connectionOpened: (connection: Connection) => { opened.push(connection); return new Promise<Connection>(() => {}); } };
    const client = open({ servers: server.address, transports: [server.network], clock, plugins: [stuck], pool: { connectTimeoutMs: 100 } });
    const ready = failure(client.ready());
    await clock.advanceAsync(99);
    expect(opened.length).toBe(1);
    expect(server.network.links.length).toBe(1);
    await clock.advanceAsync(1);
    expect(await ready).toMatchObject({ code: 'unavailable', reason: 'CONNECT_FAILED', message: expect.stringContaining('it took longer than 100 ms to connect') as string });
    await until(() => server.network.links.length === 0);
  });

  it('M09: are not made by calls with autoConnect false, which fail at once', async () => {
    const { server } = await counting();
    const client = open({ servers: server.address, transports: [server.network], pool: { autoConnect: false }, failMode: { name: 'once', next: () => 'give-up' } });
    expect(await failure(client.call('S', 'M', 1))).toMatchObject({ code: 'unavailable', reason: 'CONNECT_FAILED', sent: false, message: expect.stringContaining('await client.ready()') as string });
    expect(server.connections.length).toBe(0);
    await client.ready();
    expect(await client.call('S', 'M', 1)).toBe('ok');
  });
});
