import { readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { networkInterfaces } from 'node:os';
import { RpcError } from '@rpcxjs/core';
import { closeAfterEach, dial, later, pair, rejection, serve, until } from '@rpcxjs/transport-sides';
import { describe, expect, it } from 'vitest';
import { listenFailed } from './node-error.ts';
import { tcp } from './tcp.ts';
import { tcpDefaults } from './tcp-options.ts';

closeAfterEach();

const hasIpv6 = Object.values(networkInterfaces()).flat().some((one) => one?.address === '::1');

describe('tcp addresses', () => {
  it('turns port 0 into the real port', async () => {
    const { listener } = await serve(tcp(), { network: 'tcp', host: '127.0.0.1:0' });
    expect(listener.address.host).toMatch(/^127\.0\.0\.1:[1-9]\d+$/);
    expect(listener.address.network).toBe('tcp');
  });

  it('listens on every interface without a host, and shows an IPv4 peer as IPv4', async () => {
    const { listener, accepted } = await serve(tcp(), { network: 'tcp', host: ':0' });
    expect(listener.address.host).toMatch(hasIpv6 ? /^\[::\]:\d+$/ : /^(\[::\]|0\.0\.0\.0):\d+$/);
    const port = listener.address.host.split(':').at(-1);
    const client = await dial(tcp(), { network: 'tcp', host: `127.0.0.1:${port}` });
    await until(() => accepted.length === 1);
    expect(accepted[0]?.remote).toEqual(client.local);
    expect(accepted[0]?.remote?.host).toMatch(/^127\.0\.0\.1:\d+$/);
  });

  it('binds tcp4 and 0.0.0.0 to IPv4', async () => {
    expect((await serve(tcp(), { network: 'tcp4', host: ':0' })).listener.address.host).toMatch(/^0\.0\.0\.0:\d+$/);
    expect((await serve(tcp(), { network: 'tcp', host: '0.0.0.0:0' })).listener.address.host).toMatch(/^0\.0\.0\.0:\d+$/);
  });

  it.skipIf(!hasIpv6)('binds tcp6 to IPv6 alone', async () => {
    const { listener } = await serve(tcp(), { network: 'tcp6', host: ':0' });
    const port = listener.address.host.split(':').at(-1);
    const error = await rejection(dial(tcp(), { network: 'tcp4', host: `127.0.0.1:${port}` }));
    expect(error).toMatchObject({ reason: 'CONNECT_FAILED' });
    const client = await dial(tcp(), { network: 'tcp6', host: `[::1]:${port}` });
    expect(client.remote).toEqual({ network: 'tcp6', host: `[::1]:${port}` });
  });

  it('dials this machine without a host, as Go does', async () => {
    const { listener } = await serve(tcp(), { network: 'tcp', host: ':0' });
    await dial(tcp(), { network: 'tcp', host: `:${listener.address.host.split(':').at(-1)}` });
  });

  it('refuses an address without a port', async () => {
    expect((await rejection(dial(tcp(), { network: 'tcp', host: 'localhost' }))).message).toContain('"localhost" is no host and port');
    expect((await rejection(serve(tcp(), { network: 'tcp', host: 'localhost' }))).message).toContain('"localhost" is no host and port');
  });
});

describe('tcp errors', () => {
  it('says that nobody listens', async () => {
    const { listener } = await serve(tcp(), { network: 'tcp', host: '127.0.0.1:0' });
    await listener.close();
    const error = await rejection(dial(tcp(), listener.address));
    expect(RpcError.is(error)).toBe(true);
    expect(error).toMatchObject({ code: 'unavailable', reason: 'CONNECT_FAILED', sent: false, address: `tcp@${listener.address.host}` });
    expect(error.message).toBe(`could not connect to tcp@${listener.address.host}: ECONNREFUSED, nobody listens there: is the server running, and is the port right?`);
    expect(error.cause).toMatchObject({ code: 'ECONNREFUSED' });
  });

  it('says that all addresses of a name were refused', async () => {
    const { listener } = await serve(tcp(), { network: 'tcp', host: '127.0.0.1:0' });
    await listener.close();
    const error = await rejection(dial(tcp(), { network: 'tcp', host: `localhost:${listener.address.host.split(':').at(-1)}` }));
    expect(error.message).toContain('ECONNREFUSED, nobody listens there');
  });

  it('says that a name does not resolve', async () => {
    const error = await rejection(dial(tcp(), { network: 'tcp', host: 'nobody.invalid:8972' }));
    expect(error.message).toMatch(/^could not connect to tcp@nobody\.invalid:8972: (ENOTFOUND, the name does not resolve|EAI_AGAIN, the name server did not answer)/);
    expect(error).toMatchObject({ reason: 'CONNECT_FAILED', sent: false });
  });

  it('says that a port is taken and what to do about it', async () => {
    const { listener } = await serve(tcp(), { network: 'tcp', host: '127.0.0.1:0' });
    const error = await rejection(serve(tcp(), listener.address));
    const port = listener.address.host.split(':')[1];
    expect(error).toMatchObject({ code: 'unavailable', reason: 'LISTEN_FAILED', sent: false });
    expect(error.message).toBe(`could not listen on tcp@${listener.address.host}: EADDRINUSE, somebody listens there already: \`${process.platform === 'win32' ? `netstat -ano | findstr :${port}` : `lsof -iTCP:${port} -sTCP:LISTEN`}\` says which process; stop it, or choose another address (port 0 is any free port)`);
  });

  it('says that a port needs a privilege, a socket file permissions', () => {
    const cause = Object.assign(new Error('listen EACCES'), { code: 'EACCES' });
    expect(listenFailed(cause, { network: 'tcp', host: ':80' })).toMatchObject({
      code: 'unavailable', reason: 'LISTEN_FAILED', message: 'could not listen on tcp@:80: EACCES, not permitted: ports below 1024 need a privilege (CAP_NET_BIND_SERVICE on Linux); listen on a higher one than 80, and let a proxy pass that one on',
    });
    expect(listenFailed(cause, { network: 'unix', host: '/run/x.sock' }).message).toContain('a socket file needs write permission');
  });

  it('says that a name to listen on does not resolve', async () => {
    const error = await rejection(serve(tcp(), { network: 'tcp', host: 'nobody.invalid:8972' }));
    expect(error).toMatchObject({ reason: 'LISTEN_FAILED' });
    expect(error.message).toMatch(/^could not listen on tcp@nobody\.invalid:8972: (ENOTFOUND, the name does not resolve|EAI_AGAIN, the name server did not answer)/);
  });

  it('says that an address is not of this machine', async () => {
    const error = await rejection(serve(tcp(), { network: 'tcp', host: '203.0.113.7:0' }));
    expect(error.message).toMatch(/EADDRNOTAVAIL, this machine has no such address/);
  });

  it('reports a reset as CONNECTION_LOST with the address', async () => {
    const { client, server, clientHeard } = await pair(tcp());
    server.abort(new Error('enough'));
    await until(() => clientHeard.closes.length > 0);
    expect(clientHeard.closes[0]).toMatchObject({ code: 'unavailable', reason: 'CONNECTION_LOST', address: `tcp@${client.remote?.host}`, sent: true });
    expect(clientHeard.closes[0]?.message).toContain('ECONNRESET, the other side cut the connection');
  });
});

describe('tcp listeners', () => {
  it('frees the port when close() returns, although a connection is open', async () => {
    const { client, serverHeard, served } = await pair(tcp());
    await served.listener.close();
    const again = createServer();
    await new Promise<void>((resolve, reject) => again.once('error', reject).listen(Number(served.listener.address.host.split(':')[1]), '127.0.0.1', resolve));
    later(() => new Promise((resolve) => again.close(resolve)));
    client.write(Buffer.from('still here'));
    await until(() => serverHeard.text === 'still here');
  });

  it('gives the port back when the signal aborts on the way', async () => {
    const probe = createServer();
    await new Promise<void>((resolve) => probe.listen(0, '127.0.0.1', resolve));
    const { port } = probe.address() as AddressInfo;
    await new Promise((resolve) => probe.close(resolve));
    const controller = new AbortController();
    const listening = rejection(tcp().listen({ network: 'tcp', host: `127.0.0.1:${port}` }, {
      runtime: { clock: { now: () => 0, wallTime: () => 0, random: () => 0, setTimer: () => ({ cancel() {} }) }, logger: undefined as never }, signal: controller.signal, accept() {},
    }));
    controller.abort(new Error('changed my mind'));
    expect((await listening).message).toBe('changed my mind');
    await serve(tcp(), { network: 'tcp', host: `127.0.0.1:${port}` });
  });
});

describe('tcp options', () => {
  it('have the defaults that their comments say', () => {
    const source = readFileSync(new URL('tcp-options.ts', import.meta.url), 'utf8');
    for (const [name, value] of Object.entries(tcpDefaults)) expect(source).toMatch(new RegExp(`@default ${value} \\*/\\n  readonly ${name}\\?`));
  });

  it('are refused at construction when they cannot work', () => {
    expect(() => tcp({ connectTimeoutMs: 0 })).toThrow(new TypeError('tcp: connectTimeoutMs is 0; give milliseconds, at least 1'));
    expect(() => tcp({ keepAliveMs: Number.NaN })).toThrow('keepAliveMs is NaN');
    expect(() => tcp({ tls: { cert: 'only half' } })).toThrow('tcp: tls.cert is set without tls.key; they belong together');
  });

  it.skipIf(process.platform !== 'linux')('G28: turn TCP keepalive on, on both sides, and off', async () => {
    // In /proc/net/tcp the timer 02 of a socket is its keepalive timer.
    const timers = (port: string): string[] => {
      const hex = Number(port).toString(16).toUpperCase().padStart(4, '0');
      return readFileSync('/proc/net/tcp', 'utf8').split('\n').filter((line) => line.includes(`:${hex} `) && line.trim().split(/\s+/)[3] === '01').map((line) => line.trim().split(/\s+/)[5]?.slice(0, 2) ?? '');
    };
    const on = await pair(tcp());
    expect(timers(on.served.listener.address.host.split(':')[1] ?? '')).toEqual(['02', '02']);
    const off = await pair(tcp({ keepAliveMs: 0 }));
    expect(timers(off.served.listener.address.host.split(':')[1] ?? '')).toEqual(['00', '00']);
  });
});

describe('a tcp connection that is aborted', () => {
  it('is no clean end for the other side, also where the reset comes right behind bytes', async () => {
    for (let round = 0; round < 5; round++) {
      const { client, server, clientHeard } = await pair(tcp());
      client.pause();
      server.write(Buffer.from('half of a sentence'));
      server.abort();
      await new Promise((resolve) => { setImmediate(resolve); });
      client.resume();
      await until(() => clientHeard.closes.length === 1);
      expect(clientHeard.closes[0]).toMatchObject({ reason: 'CONNECTION_LOST', message: expect.stringContaining('ECONNRESET') as string });
    }
  });
});
