import type { Dialer } from '@rpcxjs/core';
import { instanceList } from '@rpcxjs/core/discoveries';
import { manualClock } from '@rpcxjs/testing';
import { memoryNetwork } from '@rpcxjs/transport-memory';
import { describe, expect, it } from 'vitest';
import { call, closeAfterEach, counting, open } from './counting-server.ts';
import { deferred, failure, settled, until } from './fake-server.ts';

closeAfterEach();

describe('a locked connection', () => {
  it('M12: is used by nobody else, and again by all when it is released', async () => {
    const { server, counts } = await counting();
    const client = open({ servers: server.address, transports: [server.network], pool: { connections: 2 } });
    await client.ready();
    const locked = await client.lock();
    expect(locked.address).toBe(server.address);
    await locked.call('S', 'Mine', 1);
    const mine = counts().indexOf(1);
    for (let index = 0; index < 10; index++) await client.call('S', 'M', 1);
    expect(counts()[mine]).toBe(1);
    await Promise.all(Array.from({ length: 5 }, () => locked.call('S', 'Mine', 1)));
    expect(counts()[mine]).toBe(6);
    const others = server.connections.length;
    locked.release();
    locked.release();
    expect(await failure(locked.call('S', 'Mine', 1))).toMatchObject({ code: 'unavailable', sent: false, message: expect.stringContaining('it was released') as string });
    for (let index = 0; index < 20; index++) await client.call('S', 'M', 1);
    expect(server.connections.length).toBe(others);
  });

  it('is a new one where the pool has only one, and ends with its release', async () => {
    const { server } = await counting();
    const client = open({ servers: server.address, transports: [server.network] });
    await client.call('S', 'M', 1);
    const locked = await client.lock();
    expect(client.stats().connections).toBe(2);
    const held = locked.call('S', 'M', 1);
    locked.release();
    expect(await held).toBe('ok');
    await until(() => client.stats().connections === 1);
    expect(await client.call('S', 'M', 1)).toBe('ok');
  });

  it('that is lost fails what is called on it, and is not opened again', async () => {
    const { server } = await counting();
    const client = open({ servers: server.address, transports: [server.network] });
    const locked = await client.lock();
    server.network.links[0]?.cut();
    await until(() => client.stats().connections === 0);
    expect(await failure(locked.call('S', 'M', 1))).toMatchObject({ code: 'unavailable', reason: 'CONNECTION_LOST', sent: false });
    locked.release();
    expect(await client.call('S', 'M', 1)).toBe('ok');
  });

  it('outlives the entry of its server in the list: it ends when it is released, with what is under way', async () => {
    const { server } = await counting();
    const list = instanceList([server.address]);
    const client = open({ discovery: list, transports: [server.network] });
    await client.call('S', 'M', 1);
    const locked = await client.lock(server.address);
    list.update(['memory@other']);
    await until(() => client.stats().connections === 1);
    await settled();
    expect(await locked.call('S', 'M', 1)).toBe('ok');
    const held = locked.call('S', 'M', 1);
    locked.release();
    expect(await held).toBe('ok');
    await until(() => client.stats().connections === 0);
    expect(server.network.links).toEqual([]);
    list.update([server.address]);
    expect(await client.call('S', 'M', 1)).toBe('ok');
  });

  it('needs an address where there are several servers', async () => {
    const { server } = await counting();
    const client = open({ servers: [server.address, 'memory@other'], transports: [server.network] });
    expect((await failure(client.lock())).message).toBe('lock() needs the address of a server here: there are 2');
    using locked = await client.lock(server.address);
    expect(await locked.call('S', 'M', 1)).toBe('ok');
    expect((await failure(client.lock('nonsense@'))).name).toBe('TypeError');
    expect((await failure(client.lock('memory@other'))).reason).toBe('CONNECT_FAILED');
  });
});

describe('closeConnections()', () => {
  it('M32: of one host makes calls dial that host again, and no other; what was under way finishes', async () => {
    const network = memoryNetwork();
    const [first, second] = [await counting({ network, host: 'first' }), await counting({ network, host: 'second' })];
    const client = open({ servers: ['memory@first', 'memory@second'], transports: [network] });
    await client.ready();
    first.hold();
    const calls = call(client, 2);
    await until(() => first.held.length === 1);
    let closed = false;
    const closing = client.closeConnections('memory@first').then(() => (closed = true));
    await settled();
    expect(closed).toBe(false);
    first.release();
    await Promise.all([...calls, closing]);
    await until(() => network.links.length === 1);
    await Promise.all(call(client, 4));
    expect([first.server.connections.length, second.server.connections.length]).toEqual([2, 1]);
    await client.closeConnections();
    expect(client.stats().connections).toBe(0);
    await client.closeConnections('memory@nobody');
    expect(client.stats().failed).toBe(0);
  });

  it('M32: close() settles every call and leaves nothing open', async () => {
    const one = await counting();
    one.hold();
    const client = open({ servers: one.server.address, transports: [one.server.network], pool: { connections: 2 } });
    await client.ready();
    const calls = Promise.allSettled(call(client, 10));
    await until(() => one.held.length === 10);
    await client.close({ graceMs: 1 });
    expect((await calls).map(({ status }) => status)).toEqual(Array.from({ length: 10 }, () => 'rejected'));
    await until(() => one.server.network.links.length === 0);
    expect(client.stats()).toMatchObject({ active: 0, queued: 0, connections: 0 });
  });

  it('towards a server that is frozen resolves when its transport gives up, after 5 s, and holds up no call', async () => {
    const clock = manualClock();
    const { server } = await counting();
    const client = open({ servers: server.address, transports: [server.network], clock });
    await Promise.all(call(client, 1));
    server.connection.pause();
    let closed = false;
    const closing = client.closeConnections().then(() => (closed = true));
    await settled();
    await Promise.all(call(client, 1));
    await clock.advanceAsync(4900);
    expect(closed).toBe(false);
    await clock.advanceAsync(200);
    await closing;
    expect(client.stats()).toMatchObject({ connections: 1, succeeded: 2 });
  });

  it('or the end of a client, in whatever moment a connection comes, leaves none behind', async () => {
    for (const end of ['abort', 'closeConnections'] as const) for (let turns = 0; turns < 24; turns++) {
      const { server } = await counting();
      const door = deferred();
      const slow: Dialer = { networks: ['memory'], dial: async (...given) => { const connection = await server.network.dial(...given); await door.promise; return connection; } };
      const client = open({ servers: server.address, transports: [slow], pool: { autoConnect: false } });
      const ready = client.ready().catch(() => {});
      await settled();
      door.resolve();
      for (let turn = 0; turn < turns; turn++) await Promise.resolve();
      await client[end]();
      await ready;
      await settled();
      if (end === 'abort') await client.close();
      expect([end, turns, server.network.links.length, client.stats().connections]).toEqual([end, turns, 0, 0]);
    }
  });

  it('while a connection is being opened ends that, and the call gets the next one', async () => {
    const { server } = await counting();
    const signals: AbortSignal[] = [];
    const first = deferred();
    const slow: Dialer = {
      networks: ['memory'],
      dial: async (address, options) => {
        signals.push(options.signal as AbortSignal);
        if (signals.length === 1) await first.promise;
        return server.network.dial(address, { runtime: options.runtime });
      },
    };
    const client = open({ servers: server.address, transports: [slow] });
    const calls = call(client, 1);
    await settled();
    await client.closeConnections(server.address);
    expect(signals.map(({ aborted }) => aborted)).toEqual([true, false]);
    expect(await Promise.all(calls)).toEqual(['ok']);
    first.resolve();
    await until(() => server.connections.length === 2);
    await until(() => server.network.links.length === 1);
  });
});

describe('ping()', () => {
  it('M22: is the time that a server takes to answer a heartbeat, one that echoes as Go does too', async () => {
    for (const greets of ['echo', 'agree'] as const) {
      const clock = manualClock();
      const { server } = await counting();
      server.greets = greets;
      const client = open({ servers: server.address, transports: [server.network], clock });
      await client.ready();
      expect(await client.ping(server.address)).toBe(0);
      server.network.change({ delayMs: 20 });
      const ping = client.ping(server.address);
      await clock.advanceAsync(20);
      // The answer has a way of its own.
      await clock.advanceAsync(20);
      expect(await ping).toBe(40);
      const last = server.heartbeats.at(-1);
      expect([last?.service, last?.method, last?.metadata]).toEqual(['', '', {}]);
    }
  });

  it('M22: rejects for a host that is down, and after timeoutMs for one that says nothing', async () => {
    const clock = manualClock();
    const { server } = await counting();
    server.greets = 'nothing';
    const client = open({ servers: [server.address, 'memory@down'], transports: [server.network], clock });
    expect(await failure(client.ping('memory@down'))).toMatchObject({ code: 'unavailable', reason: 'CONNECT_FAILED' });
    const silent = failure(client.ping(server.address, { timeoutMs: 100 }));
    await clock.advanceAsync(100);
    expect(await silent).toMatchObject({ code: 'deadline_exceeded', reason: 'TIMEOUT', message: 'memory@fake did not answer a heartbeat within 100 ms' });
    const lost = failure(client.ping(server.address));
    await settled();
    server.network.links[0]?.cut();
    expect(await lost).toMatchObject({ code: 'unavailable', reason: 'CONNECTION_LOST' });
  });

  it('does not ask more often than a server allows', async () => {
    const clock = manualClock();
    const { server } = await counting();
    const client = open({ servers: server.address, transports: [server.network], clock });
    const pings = Promise.all(Array.from({ length: 100 }, () => client.ping(server.address, { timeoutMs: 20_000 })));
    await settled();
    expect(server.heartbeats.length).toBe(41);
    await clock.advanceAsync(5000);
    expect(server.heartbeats.length).toBe(81);
    await clock.advanceAsync(5000);
    expect(new Set(await pings)).toEqual(new Set([0]));
  });

  it('says what it takes', async () => {
    const { server } = await counting();
    const client = open({ servers: server.address, transports: [server.network] });
    expect((await failure(client.ping(server.address, { timeoutMs: -1 }))).message).toContain('it takes milliseconds above 0');
    expect((await failure(client.ping('nonsense@'))).name).toBe('TypeError');
    expect((await failure(client.ping('udp@nowhere:1'))).message).toContain('no transport dials the network "udp"');
  });
});
