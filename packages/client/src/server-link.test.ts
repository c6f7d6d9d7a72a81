import { RpcError, type Connection, type Dialer } from '@rpcxjs/core';
import { manualClock } from '@rpcxjs/testing';
import { describe, expect, it } from 'vitest';
import { openLink } from '../test/calls.ts';
import { deferred, FakeServer, settled, until } from '../test/fake-server.ts';

const closed = new RpcError('canceled', 'the client was stopped', { reason: 'CLOSED' });

/** A way to the server that the test opens, and counts. */
function gate(server: FakeServer): Dialer & { open(): void; fail(error: unknown): void; dials: number; signals: (AbortSignal | undefined)[] } {
  let door = deferred();
  const one = {
    networks: ['memory'],
    dials: 0,
    signals: [] as (AbortSignal | undefined)[],
    open: () => door.resolve(),
    fail: (error: unknown) => { door.reject(error); door = deferred(); },
    dial: async (...[address, given]: Parameters<Dialer['dial']>): Promise<Connection> => {
      one.dials += 1;
      one.signals.push(given.signal);
      await door.promise;
      return server.network.dial(address, { runtime: given.runtime });
    },
  };
  return one;
}

describe('a link', () => {
  it('dials once for all that waits, and sends it in the order of its coming', async () => {
    const server = await FakeServer.listen();
    const dialer = gate(server);
    const { link, send, told, ended } = openLink({ transports: [dialer] });
    const names = Array.from({ length: 100 }, (_, index) => `m${index}`);
    for (const name of names) send(name);
    expect([link.queued, dialer.dials]).toEqual([100, 1]);
    server.onCall = (call) => server.reply(call, { payload: '1' });
    dialer.open();
    await ended(100);
    expect(server.received.map(({ method }) => method)).toEqual(names);
    expect([told.succeeded.length, link.queued, server.connections.length]).toEqual([100, 0, 1]);
    link.abort(closed);
  });

  it('does not send what ended while it waited', async () => {
    const server = await FakeServer.listen();
    const dialer = gate(server);
    const { link, send } = openLink({ transports: [dialer] });
    send('first').settled = true;
    send('second');
    expect(link.queued).toBe(1);
    send('third').settled = true;
    dialer.open();
    expect((await server.call(0)).method).toBe('second');
    await settled();
    expect(server.received).toHaveLength(1);
    link.abort(closed);
  });

  it('that cannot be opened fails what waits with one error, and dials again for a call, when its backoff is over', async () => {
    const clock = manualClock();
    const server = await FakeServer.listen();
    const dialer = gate(server);
    const { link, send, told, ended } = openLink({ transports: [dialer], clock, reconnect: { jitter: 0 } });
    send('a');
    send('b');
    dialer.fail(new Error('no route'));
    await ended(2);
    expect(told.failed[0]?.error).toMatchObject({ code: 'unavailable', reason: 'CONNECT_FAILED', sent: false, address: 'memory@fake', message: 'no connection to memory@fake: no route' });
    expect([link.failing, told.failed[1]?.error === told.failed[0]?.error]).toEqual([true, true]);
    await clock.advanceAsync(99);
    send('c');
    expect([told.order, dialer.dials]).toEqual([['a', 'b', 'c'], 1]);
    await clock.advanceAsync(1);
    send('d');
    expect([told.order.length, dialer.dials]).toEqual([3, 2]);
    dialer.open();
    await server.call(0);
    expect(link.failing).toBe(false);
    link.abort(closed);
  });

  it('to a network that nobody dials, or an address that is none, says so', async () => {
    const { send, told, ended } = openLink({}, { transports: [{ networks: ['tcp', 'unix'], dial: () => Promise.reject(new Error('never')) }] });
    send('a');
    await ended(1);
    expect(told.failed[0]?.error.message).toContain('no transport dials the network "memory" (known: tcp, unix)');
    const none = openLink({}, { transports: [] });
    none.send('a');
    await none.ended(1);
    expect(none.told.failed[0]?.error.message).toContain('(known: none)');
  });

  it('that is closed while it connects ends the dial, and a connection that comes all the same', async () => {
    const server = await FakeServer.listen();
    const dialer = gate(server);
    const { link, send, told } = openLink({ transports: [dialer] });
    send('a');
    link.abort(closed);
    const unsent = { message: closed.message, reason: closed.reason, sent: false };
    expect(told.failed[0]?.error).toMatchObject(unsent);
    expect(dialer.signals[0]?.aborted).toBe(true);
    dialer.open();
    await until(() => server.connections.length === 1);
    await until(() => server.network.links.length === 0);
    send('b');
    expect(told.failed[1]?.error).toMatchObject({ reason: 'CLOSED', sent: false });
    expect(dialer.dials).toBe(1);
  });

  it('whose dial never ends holds calls until they end, no more of them than allowed, and close() does not wait for it', async () => {
    const server = await FakeServer.listen();
    const { link, send, told } = openLink({ transports: [gate(server)], limits: { maxQueuedCalls: 2 } });
    const first = send('a');
    send('b');
    send('c');
    expect(told.failed).toMatchObject([{ method: 'c', error: { code: 'resource_exhausted', reason: 'OVERLOADED', sent: false } }]);
    first.settled = true;
    send('d');
    expect([told.order, link.queued]).toEqual([['c'], 2]);
    await link.close();
  });

  it('connects again for the next call after its connection ended, and for what waits', async () => {
    const server = await FakeServer.listen();
    const { link, send, told, ended } = openLink({ transports: [server.network] });
    send('a');
    await server.call(0);
    server.network.links[0]?.cut();
    await ended(1);
    expect(told.failed[0]?.error).toMatchObject({ code: 'unavailable', reason: 'CONNECTION_LOST', address: 'memory@fake' });
    expect([link.session, told.ended]).toEqual([undefined, 1]);
    send('b');
    server.reply(await server.call(1));
    await ended(2);
    expect([told.succeeded, server.connections.length]).toEqual([['b "ok"'], 2]);
    link.abort(closed);
    expect(told.ended).toBe(2);
  });

  it('to a server that ends each connection before a word is a link that fails, and does not dial in circles', async () => {
    const server = await FakeServer.listen();
    const dialer = gate(server);
    dialer.open();
    const { link, send, told, ended } = openLink({
      transports: [dialer],
      plugins: [{ name: 'slow', connectionOpened: async (connection) => { server.connection.abort(); await settled(); return connection; } }],
    });
    send('a');
    await ended(1);
    expect(told.failed[0]?.error).toMatchObject({ code: 'unavailable', sent: false, message: expect.stringContaining('no connection to memory@fake: the server had said nothing when it ended: ') as string });
    expect(dialer.dials).toBe(1);
    link.abort(closed);
  });
});

/** A connection that tells what is written. */
function wrapped(connection: Connection, wrote: () => void, close: () => Promise<void> = () => connection.close()): Connection {
  return {
    local: connection.local,
    remote: connection.remote,
    get bufferedBytes() { return connection.bufferedBytes; },
    start: (sink) => connection.start(sink),
    write(chunk) { wrote(); return connection.write(chunk); },
    pause: () => connection.pause(),
    resume: () => connection.resume(),
    abort: (reason) => connection.abort(reason),
    close,
  };
}

it('a call that is made while another is being encoded is not overtaken by the next one', async () => {
  const server = await FakeServer.listen();
  const { link, send } = openLink({ transports: [server.network] });
  send('warm');
  await server.call(0);
  send('outer', { input: { toJSON: () => (send('inner'), 1) } });
  send('next');
  await server.call(3);
  expect(server.received.map(({ method }) => method)).toEqual(['warm', 'outer', 'inner', 'next']);
  link.abort(closed);
});

describe('plugins of a link', () => {
  it('may wrap it in something that never closes: close() cuts it after a second', async () => {
    const clock = manualClock();
    const server = await FakeServer.listen();
    const connectionOpened = (connection: Connection): Connection => wrapped(connection, () => {}, () => new Promise(() => {}));
    const { link, send } = openLink({ transports: [server.network], clock, plugins: [{ name: 'p', connectionOpened }] });
    send('a');
    server.reply(await server.call(0));
    let closedAt = 0;
    void link.close().then(() => (closedAt = clock.now()));
    await clock.advanceAsync(2000);
    await settled();
    expect(closedAt).toBeGreaterThanOrEqual(1000);
    expect(server.network.links).toEqual([]);
  });

  it('wrap the connection one after the other, and hear of its end and of dials that fail', async () => {
    const server = await FakeServer.listen();
    const heard: string[] = [];
    const wrap = (name: string) => ({
      name,
      connectionOpened: (connection: Connection): Connection => {
        heard.push(`${name} opened`);
        return wrapped(connection, () => heard.push(`${name} wrote`));
      },
      connectionClosed: () => void heard.push(`${name} closed`),
    });
    const { link, send } = openLink({ transports: [server.network], plugins: [wrap('in'), wrap('out')] });
    send('a');
    await server.call(0);
    expect(heard.slice(0, 4)).toEqual(['in opened', 'out opened', 'out wrote', 'in wrote']);
    link.abort(closed);
    expect(heard.slice(-2)).toEqual(['in closed', 'out closed']);
    const failed: string[] = [];
    const down = openLink({ transports: [{ networks: ['memory'], dial: () => Promise.reject(new Error('down')) }], plugins: [{ name: 'p', connectionFailed: (address, error) => void failed.push(`${address} ${error.message}`) }] });
    down.send('a');
    await down.ended(1);
    expect(failed).toEqual(['memory@fake no connection to memory@fake: down']);
  });
});
