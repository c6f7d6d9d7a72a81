import { readFileSync } from 'node:fs';
import { createServer as createHttpServer } from 'node:http';
import { get as secureGet } from 'node:https';
import { connect as connectSocket, createServer as createSocketServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { createClient } from '@rpcxjs/client';
import { splitHostPort, systemClock } from '@rpcxjs/core';
import type { Connection } from '@rpcxjs/core';
import { createServer } from '@rpcxjs/server';
import { httpConnect } from '@rpcxjs/transport-http-connect';
import { tcp } from '@rpcxjs/transport-tcp';
import type { TcpOptions, TcpTlsOptions } from '@rpcxjs/transport-tcp';
import { closeAfterEach, freePort, Heard, later, memoryLogger, raw, rejection, serve, until } from '@rpcxjs/transport-sides';
import { describe, expect, it } from 'vitest';
import { acceptTls } from './accept-tls.ts';
import { isConnect, isHttp, isRpcx } from './matchers.ts';
import { serveHttp } from './serve-http.ts';
import { sniff } from './sniff.ts';

const here = freePort('tcp');

closeAfterEach();

const pem = (name: string): string => readFileSync(new URL(`../../transport-tcp/test/fixtures/${name}`, import.meta.url), 'utf8');
const identity = (name: string): TcpTlsOptions => ({ cert: pem(`${name}.crt`), key: pem(`${name}.key`) });
const ca = pem('ca.crt');
const both = () => acceptTls(tcp(), identity('server'));

async function say(address: string, options: TcpOptions, text: string, path: 'tcp' | 'http' = 'tcp'): Promise<unknown> {
  const transport = path === 'tcp' ? tcp(options) : httpConnect({ tls: options.tls });
  const client = createClient({ servers: address.replace('tcp@', `${path}@`), transports: [transport], logger: memoryLogger([]), timeoutMs: 3000 });
  later(() => client.close());
  return client.call('Greeter', 'Hello', { text });
}

/** What a client of TLS begins with. */
async function firstWords(): Promise<Buffer> {
  const eavesdropper = createSocketServer();
  await new Promise<void>((resolve) => void eavesdropper.listen(0, '127.0.0.1', resolve));
  const { port } = eavesdropper.address() as AddressInfo; // it listens on a port
  const client = connectTls({ port, host: '127.0.0.1' }).on('error', () => {});
  const words = await new Promise<Buffer>((resolve) => void eavesdropper.once('connection', (socket) => socket.once('data', resolve)));
  client.destroy();
  eavesdropper.close();
  return words;
}

describe('an acceptor that takes TLS, too', () => {
  it('lets go at once of a client that leaves in the middle of its handshake', async () => {
    const { listener, accepted, lines } = await serve(both(), here);
    const { port } = splitHostPort(listener.address.host);
    const client = connectSocket({ port, host: '127.0.0.1' }).on('error', () => {});
    later(() => client.destroy());
    client.end(await firstWords());
    // The handshake itself would have ten seconds.
    await until(() => lines.some(({ message }) => message === 'a client left during its TLS handshake'));
    expect(accepted.length).toBe(0);
  });

  it('has clients with and without TLS on one port and one address', async () => {
    const server = createServer({ transports: [both()], logger: memoryLogger([]) });
    later(() => server.close({ graceMs: 100 }));
    server.handle('Greeter', 'Hello', (message) => ({ ...message, metadata: {} }));
    const addresses = await server.listen('tcp@127.0.0.1:0', 'tcp@127.0.0.1:0');
    expect(new Set(addresses).size).toBe(2);
    for (const address of addresses) {
      const text = 'x'.repeat(500_000);
      expect(await Promise.all([say(address, {}, 'plain'), say(address, { tls: { ca } }, text)])).toEqual([{ text: 'plain' }, { text }]);
    }
    expect(new Set([...server.peers()].map(({ remote }) => remote?.host.split(':')[0]))).toEqual(new Set(['127.0.0.1']));
  });

  it('is sniffed: rpcx, CONNECT and HTTP, each with and without TLS', async () => {
    const ports = sniff(both(), { connect: isConnect, rpcx: isRpcx, http: isHttp });
    const server = createServer({ transports: [ports.rpcx, httpConnect({ over: ports.connect })], logger: memoryLogger([]) });
    later(() => server.close({ graceMs: 100 }));
    server.handle('Greeter', 'Hello', (message) => ({ ...message, metadata: {} }));
    const [address = ''] = await server.listen('tcp@127.0.0.1:0');
    await server.listen(address.replace('tcp@', 'http@'));
    const web = createHttpServer((request, response) => response.end(`${request.url} for ${request.socket.remoteAddress}`));
    const served = await serveHttp(ports.http, web, address, { logger: memoryLogger([]) });
    later(async () => {
      await served.close();
      web.closeAllConnections();
    });
    const { port } = splitHostPort(address.slice(4));
    const page = new Promise((resolve, reject) => {
      secureGet({ host: '127.0.0.1', port, path: '/page', ca, agent: false }, (response) => response.setEncoding('utf8').on('data', resolve)).on('error', reject);
    });
    const plainPage = fetch(`http://127.0.0.1:${port}/page`).then((response) => response.text());
    const tls = { ca };
    expect(await Promise.all([say(address, {}, 'a'), say(address, { tls }, 'b'), say(address, {}, 'c', 'http'), say(address, { tls }, 'd', 'http'), page, plainPage]))
      .toEqual([{ text: 'a' }, { text: 'b' }, { text: 'c' }, { text: 'd' }, '/page for 127.0.0.1', '/page for 127.0.0.1']);
  });

  it('takes what may change from a function, and lets nobody in beside TLS where that requires certificates', async () => {
    let given: TcpTlsOptions = { ...identity('elsewhere'), ca, clientCertificate: 'require' };
    const { listener, accepted } = await serve(acceptTls(tcp(), () => given));
    const client = tcp({ tls: { ca, ...identity('client') } });
    const runtime = { clock: systemClock, logger: memoryLogger([]) };
    await expect(client.dial(listener.address, { runtime })).rejects.toThrow('ERR_TLS_CERT_ALTNAME_INVALID');
    given = { ...given, ...identity('server') };
    const connection = await client.dial(listener.address, { runtime });
    later(() => connection.abort());
    await until(() => accepted.length === 1);
    const plain = await raw(listener.address);
    plain.socket.write('hello');
    await until(() => plain.heard.ended);
    expect(accepted.length).toBe(1);
  });

  it('asks for client certificates, shows those that were verified, and lets nobody in beside TLS where they are required', async () => {
    const acceptor = acceptTls(tcp(), { ...identity('server'), ca, clientCertificate: 'require' });
    const { listener, accepted, lines } = await serve(acceptor);
    const runtime = { clock: systemClock, logger: memoryLogger([]) };
    const dial = async (tls: TcpTlsOptions): Promise<Connection> => {
      const connection = await tcp({ tls }).dial(listener.address, { runtime });
      later(() => connection.abort());
      return connection;
    };
    await dial({ ca, ...identity('client') });
    await until(() => accepted.length === 1);
    expect(accepted[0]?.certificate).toMatchObject({ subject: expect.stringContaining('CN=orders') as string });
    const heard = new Heard();
    (await dial({ ca })).start(heard);
    await until(() => heard.closes.length === 1 && lines.length === 1);
    expect(lines).toMatchObject([{ level: 'warn', message: expect.stringContaining('the client sent no certificate') as string, fields: { remote: expect.stringMatching(/^tcp@127\.0\.0\.1:\d+$/) as string } }]);
    const plain = await raw(listener.address);
    plain.socket.write('hello');
    await until(() => plain.heard.ended && lines.length === 2);
    expect(lines[1]).toMatchObject({ level: 'warn', message: "a client without TLS is refused, for tls.clientCertificate is 'require'" });
    expect(accepted.length).toBe(1);
  });

  it('B8: cuts who says nothing, or stops in the handshake, after handshakeTimeoutMs', async () => {
    const { listener, lines } = await serve(acceptTls(tcp(), identity('server'), { handshakeTimeoutMs: 60 }), here, systemClock);
    const [silent, stopped] = [await raw(listener.address), await raw(listener.address)];
    stopped.socket.write(Buffer.from('1603010200010001fc0303', 'hex'));
    await until(() => silent.heard.ended && stopped.heard.ended);
    expect(lines.filter(({ level }) => level === 'warn')).toMatchObject([{ message: 'a TLS handshake failed: the other side did not finish the TLS handshake: does it speak TLS?' }]);
  });

  it('ends handshakes with the listener, and leaves the others', async () => {
    const { listener, accepted } = await serve(both());
    const plain = await raw(listener.address);
    plain.socket.write('hello');
    const shaking = await raw(listener.address);
    shaking.socket.write(Buffer.from('160301020001', 'hex'));
    await until(() => accepted.length === 1);
    await new Promise((resolve) => { setImmediate(resolve); });
    await listener.close();
    await until(() => shaking.heard.ended);
    expect(plain.heard.ended).toBe(false);
    expect(await rejection(raw(listener.address))).toMatchObject({ code: 'ECONNREFUSED' });
  });

  it('B11: a client that leaves in its handshake is no warning', async () => {
    const { listener, lines } = await serve(both());
    const { socket, heard } = await raw(listener.address);
    socket.write(await firstWords());
    // It hears what the server says first.
    await until(() => heard.text.length > 0);
    socket.resetAndDestroy();
    await until(() => lines.length > 0);
    expect(lines).toMatchObject([{ level: 'debug', message: 'a client left during its TLS handshake' }]);
  });

  it('refuses at construction what cannot work', () => {
    expect(() => acceptTls({} as never, identity('server'))).toThrow('acceptTls: the first argument has no listen(); give an acceptor, such as tcp()');
    expect(() => acceptTls(tcp(), {})).toThrow('acceptTls: a TLS server needs tls.cert and tls.key');
    expect(() => acceptTls(tcp(), undefined as never)).toThrow('acceptTls: tls is undefined; give { cert, key }');
    expect(() => acceptTls(tcp(), { cert: 'x', key: 'y' })).toThrow('acceptTls: tls.cert, tls.key or tls.ca cannot be used');
    expect(() => acceptTls(tcp(), identity('server'), { handshakeTimeoutMs: 0 })).toThrow('acceptTls: handshakeTimeoutMs is 0');
  });
});
