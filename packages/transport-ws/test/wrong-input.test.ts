import { readFileSync } from 'node:fs';
import { createServer as createWebServer, request, type Server as WebServer } from 'node:http';
import { setImmediate as turn } from 'node:timers/promises';
import { connect, createServer as createTcpServer, type AddressInfo, type Server as TcpServer, type Socket } from 'node:net';
import { RpcError, silentLogger, systemClock, type Address, type Connection, type Listener, type Logger } from '@rpcxjs/core';
import { manualClock } from '@rpcxjs/testing';
import { tcp } from '@rpcxjs/transport-tcp';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { WebSocket } from 'ws';
import { webSocket, type WebSocketOptions } from '../src/index.ts';

const pem = (name: string): string => readFileSync(new URL(`../../transport-tcp/test/fixtures/${name}`, import.meta.url), 'utf8');
const identity = (name: string): { cert: string; key: string } => ({ cert: pem(`${name}.crt`), key: pem(`${name}.key`) });

const ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0)) await end();
});
interface Open {
  readonly address: Address;
  readonly port: number;
  readonly listener: Listener;
  readonly accepted: Connection[];
  readonly lines: string[];
}
async function open(options: WebSocketOptions = {}, { network = 'ws', clock = systemClock } = {}): Promise<Open> {
  const accepted: Connection[] = [];
  const lines: string[] = [];
  const note = (_fields: object, message: string): void => void lines.push(message);
  const logger: Logger = { ...silentLogger, warn: note, error: note };
  const listener = await webSocket(options).listen({ network, host: '127.0.0.1:0' }, { runtime: { clock, logger }, accept: (connection) => void accepted.push(connection) });
  ends.push(() => {
    for (const connection of accepted) connection.abort();
    return listener.close();
  });
  return { address: listener.address, port: Number(listener.address.host.split(':').at(-1)), listener, accepted, lines };
}
async function dial(address: Address, options: WebSocketOptions = {}): Promise<Connection> {
  const connection = await webSocket(options).dial(address, { runtime: { clock: systemClock, logger: silentLogger } });
  ends.push(() => connection.abort());
  return connection;
}
/** The message of a dial that fails in less than a second. */
async function refusal(address: Address, options: WebSocketOptions = {}): Promise<string> {
  const began = performance.now();
  const error: unknown = await dial(address, options).then(() => new Error('it connected'), (failure: unknown) => failure);
  expect(performance.now() - began).toBeLessThan(1000);
  expect(RpcError.is(error) && [error.code, error.reason, error.sent]).toEqual(['unavailable', 'CONNECT_FAILED', false]);
  return (error as Error).message;
}
async function raw(port: number, text: string): Promise<string> {
  const socket: Socket = connect(port, '127.0.0.1');
  ends.push(() => socket.destroy());
  socket.write(text);
  let said = '';
  socket.on('error', () => {});
  socket.on('data', (chunk: Buffer) => { said += chunk.toString('latin1'); });
  await new Promise((resolve) => void socket.once('close', resolve));
  return said;
}
const upgrade = (more = '', path = '/_rpcx_'): string => `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n${more}\r\n`;

describe('a dial', () => {
  it('goes to no other host or port than the address says, whatever a URL would make of it', async () => {
    const { port, accepted } = await open();
    for (const host of ['user@127.0.0.1', '127.0.0.1?', '127.0.0.1/', '127.0.0.1#', '127.0.0.1\\', '127.0.0.1\t', '127%2e0.0.1', '[::1%lo]']) {
      expect(await refusal({ network: 'ws', host: `${host}:${port}` })).toContain('is no host in a URL');
    }
    expect(await refusal({ network: 'ws', host: `256.0.0.1:${port}` })).toContain('"256.0.0.1" is neither a name nor an address: check its spelling');
    await expect(dial({ network: 'ws', host: '127.0.0.1' })).rejects.toThrow(TypeError);
    expect(accepted).toEqual([]);
  });

  it('finds a listener on an address of IPv4 that was written as one of IPv6 at the short form', async () => {
    const listener = await webSocket().listen({ network: 'ws', host: '[::ffff:127.0.0.1]:0' }, { runtime: { clock: systemClock, logger: silentLogger }, accept: (connection) => connection.abort() });
    await listener.close();
    expect(listener.address.host).toMatch(/^127\.0\.0\.1:\d+$/);
  });

  it('takes a name in any script, for the origin too', async () => {
    const { port } = await open();
    // What browsers and resolvers make of it is localhost.
    await dial({ network: 'ws', host: `ｌocalhost:${port}` });
  });

  it('to another path says which one', async () => {
    const { address } = await open({ path: '/there' });
    expect(await refusal(address, { path: '/here' })).toContain('HTTP 404, the server has no WebSocket at /here: compare the path of both sides');
  });

  it('that the server does not let in says why', async () => {
    const { address, lines } = await open({ origins: ['https://example.com'] });
    expect(await refusal(address)).toContain('HTTP 403, the server does not let this origin in: see its origins');
    expect(lines).toEqual([expect.stringMatching(/^pages of http:\/\/127\.0\.0\.1:\d+ may not connect: put it into origins/)]);
  });

  it.each([
    ['an HTTP server that knows no WebSocket', 200, 'HTTP 200, the server speaks HTTP, and did not agree to WebSocket'],
    ['one that points elsewhere', 302, 'HTTP 302, the server points elsewhere'],
    ['one that asks for credentials', 401, 'HTTP 401, the server asks for credentials'],
    ['a proxy that asks for credentials', 407, "HTTP 407, a proxy asks who you are: give headers { 'Proxy-Authorization': … }, or go around the proxy"],
    ['one that fails', 500, 'HTTP 500, the server, or a proxy in between, is not able to serve now: look into its log'],
    ['a proxy whose server is not there', 502, 'HTTP 502, the server, or a proxy in between, is not able to serve now'],
  ])('to %s says so', async (_who, status, text) => {
    const web: WebServer = createWebServer((_request, response) => response.writeHead(status).end());
    await new Promise<void>((resolve) => void web.listen(0, '127.0.0.1', resolve));
    ends.push(() => web.close(), () => web.closeAllConnections());
    expect(await refusal({ network: 'ws', host: `127.0.0.1:${(web.address() as AddressInfo).port}` })).toContain(text);
  });

  it('to a server of another protocol says so', async () => {
    const peers: Socket[] = [];
    const odd: TcpServer = createTcpServer((socket) => {
      peers.push(socket.on('error', () => {}));
      socket.once('data', () => socket.end(Buffer.from([8, 0, 0, 16, 0, 0])));
    });
    await new Promise<void>((resolve) => void odd.listen(0, '127.0.0.1', resolve));
    ends.push(() => odd.close());
    const at = (network: string): Address => ({ network, host: `127.0.0.1:${(odd.address() as AddressInfo).port}` });
    expect(await refusal(at('ws'))).toMatch(/does not speak WebSocket \(.*\): compare network, port and TLS of both sides/);
    expect(await refusal(at('wss'))).toContain('the other side does not speak TLS');
    const secure = await open({ tls: identity('server') }, { network: 'wss' });
    expect(await refusal({ ...secure.address, network: 'ws' })).toMatch(/does not speak WebSocket/);
    const plain = await open();
    expect(await refusal({ ...plain.address, network: 'wss' })).toMatch(/the other side (does not speak TLS|hung up during the TLS handshake)/);
  });

  it('has a message of its own for a certificate that is expired, for another name, and from an unknown issuer', async () => {
    const trust = { tls: { ca: pem('ca.crt') } };
    const expired = await open({ tls: identity('expired') }, { network: 'wss' });
    expect(await refusal(expired.address, trust)).toContain('the certificate has expired');
    const elsewhere = await open({ tls: identity('elsewhere') }, { network: 'wss' });
    expect(await refusal(elsewhere.address, trust)).toContain('the certificate is for another host');
    const unknown = await open({ tls: identity('server') }, { network: 'wss' });
    expect(await refusal(unknown.address)).toContain('the certificate comes from an authority that is not known here');
    await dial(unknown.address, trust);
    await dial(elsewhere.address, { tls: { ca: pem('ca.crt'), servername: 'elsewhere.example' } });
    await dial(expired.address, { tls: { insecureSkipVerify: true } });
  });

  it('to a server that says nothing ends in time', async () => {
    const mute: TcpServer = createTcpServer((socket) => void ends.push(() => socket.destroy()));
    await new Promise<void>((resolve) => void mute.listen(0, '127.0.0.1', resolve));
    ends.push(() => mute.close());
    expect(await refusal({ network: 'ws', host: `127.0.0.1:${(mute.address() as AddressInfo).port}` }, { handshakeTimeoutMs: 100 })).toContain('the handshake took longer than 100 ms');
  });
});

describe('a server', () => {
  it('tells who does not ask for a WebSocket that it takes nothing else', async () => {
    const { port } = await open();
    const status = await new Promise((resolve, reject) => void request({ port, path: '/' }, (response) => resolve(response.statusCode)).on('error', reject).end());
    expect(status).toBe(426);
    expect(await raw(port, upgrade('', '/other'))).toMatch(/^HTTP\/1\.1 404 .*WebSockets are taken at \/_rpcx_\n$/s);
    expect(await raw(port, upgrade().replace('13', '12'))).toMatch(/^HTTP\/1\.1 400 /);
    expect(await raw(port, upgrade().replace('dGhlIHNhbXBsZSBub25jZQ==', 'x'))).toMatch(/^HTTP\/1\.1 400 /);
    expect(await raw(port, '\u0008\0\0\u0010\0\0\0\0')).toMatch(/^HTTP\/1\.1 400 .*it takes WebSockets at \/_rpcx_\n$/s);
  });

  it.each([
    [undefined, undefined, true],
    [undefined, 'http://127.0.0.1', true],
    [undefined, 'http://127.0.0.1:80', true],
    [undefined, 'http://evil.example', false],
    [undefined, 'null', false],
    [undefined, 'http://127.0.0.1.evil.example', false],
    [['https://good.example'], 'https://good.example', true],
    [['https://good.example'], 'http://good.example', false],
    [['https://good.example'], 'http://127.0.0.1', false],
    [[], undefined, true],
    [(origin: string) => origin.endsWith('.good.example'), 'https://a.good.example', true],
    [(origin: string) => origin.endsWith('.good.example'), 'https://good.example', false],
  ])('with origins %s lets %s in: %s', async (origins, origin, lets) => {
    const { port, accepted } = await open({ origins });
    const socket = connect(port, '127.0.0.1');
    ends.push(() => socket.destroy());
    socket.on('error', () => {});
    socket.write(upgrade(origin === undefined ? '' : `Origin: ${origin}\r\n`));
    const said = await new Promise<string>((resolve) => void socket.once('data', (chunk: Buffer) => resolve(chunk.toString())));
    expect(said.split(' ')[1]).toBe(lets ? '101' : '403');
    expect(accepted).toHaveLength(lets ? 1 : 0);
  });

  it('ends a connection whose message is longer than allowed with 1009, and no other one', async () => {
    const { address, accepted } = await open({ maxMessageBytes: 1000 });
    const [good, bad] = [await dial(address), await dial(address)];
    await vi.waitFor(() => expect(accepted).toHaveLength(2));
    const closes: unknown[] = [];
    const heard: number[] = [];
    for (const [index, connection] of accepted.entries()) connection.start({ data: (chunk) => void heard.push(chunk.length), drain() {}, closed: (reason) => void closes.push([index, reason?.message]) });
    const told: (string | undefined)[] = [];
    bad.start({ data() {}, drain() {}, closed: (reason) => void told.push(reason?.message) });
    bad.write(Buffer.alloc(1001));
    good.write(Buffer.alloc(1000));
    await vi.waitFor(() => expect(told).toHaveLength(1));
    expect(told[0]).toContain('1009');
    await vi.waitFor(() => expect(closes).toEqual([[1, expect.stringContaining('Max payload size exceeded')]]));
    await vi.waitFor(() => expect(heard).toEqual([1000]));
  });

  it('takes what Go sends: text messages that are no UTF-8, and pieces of frames', async () => {
    const { address, accepted } = await open();
    const socket = new WebSocket(`ws://${address.host}/_rpcx_`);
    ends.push(() => socket.terminate());
    await new Promise((resolve) => void socket.once('open', resolve));
    const heard: Buffer[] = [];
    await vi.waitFor(() => expect(accepted).toHaveLength(1));
    accepted[0]!.start({ data: (chunk) => void heard.push(Buffer.from(chunk)), drain() {}, closed() {} });
    socket.send(Buffer.from([0xff, 0xfe]), { binary: false, fin: false });
    socket.send(Buffer.from([0x80]), { fin: true });
    socket.send(Buffer.from([1]), { binary: true });
    await vi.waitFor(() => expect(Buffer.concat(heard)).toEqual(Buffer.from([0xff, 0xfe, 0x80, 1])));
  });

  it('lets nobody wait in its handshake for long, nor too many at once', async () => {
    const clock = manualClock();
    const { port, address } = await open({ maxHandshakes: 3, handshakeTimeoutMs: 5000 }, { clock });
    const said: Promise<string>[] = [];
    for (let count = 0; count < 3; count++) {
      said.push(raw(port, 'GET /_rpcx_ HTTP/1.1\r\nHost: '));
      await vi.waitFor(() => expect(clock.pending).toBe(count + 1));
    }
    await dial(address);
    expect(await said[0]).toBe('');
    expect(clock.pending).toBeGreaterThan(1);
    clock.advance(5000);
    expect(await Promise.all(said)).toEqual(['', '', '']);
  });

  it('asks a silent client by a ping, and cuts one that does not answer', async () => {
    const clock = manualClock();
    const { port, address, accepted } = await open({ pingMs: 1000 }, { clock });
    const socket = connect(port, '127.0.0.1');
    ends.push(() => socket.destroy());
    socket.on('error', () => {}).write(upgrade());
    await vi.waitFor(() => expect(accepted).toHaveLength(1));
    const answering = await dial(address, { pingMs: 0 });
    answering.start({ data() {}, drain() {}, closed() {} });
    await vi.waitFor(() => expect(accepted).toHaveLength(2));
    const closes: unknown[][] = [[], []];
    for (const [index, connection] of accepted.entries()) connection.start({ data() {}, drain() {}, closed: (reason) => void closes[index]?.push(reason?.message) });
    for (let round = 0; round < 6; round++) {
      clock.advance(1000);
      // The answer has its way through two sockets.
      for (let turns = 0; turns < 200; turns++) await turn();
    }
    await vi.waitFor(() => expect(closes[0]).toEqual([expect.stringContaining('no byte came for 2000 ms, nor after a ping')]));
    expect(closes[1]).toEqual([]);
  });

  it('says who has its port', async () => {
    const { address } = await open();
    await expect(webSocket().listen(address, { runtime: { clock: systemClock, logger: silentLogger }, accept() {} })).rejects.toMatchObject({ reason: 'LISTEN_FAILED', message: expect.stringContaining('somebody listens there already') as string });
    await expect(tcp().listen({ network: 'tcp', host: address.host }, { runtime: { clock: systemClock, logger: silentLogger }, accept() {} })).rejects.toMatchObject({ reason: 'LISTEN_FAILED' });
  });
});

describe('behind the web server of somebody else', () => {
  it('answers an upgrade once those before it on the connection have their answers, which would come into the WebSocket', async () => {
    const web = createWebServer((incoming, response) => incoming.resume().on('end', () => setTimeout(() => response.end('a page'), 20)));
    const { port } = await open({ server: web });
    const socket = connect(port, '127.0.0.1');
    ends.push(() => socket.destroy());
    let said = '';
    socket.on('data', (chunk: Buffer) => { said += chunk.toString('latin1'); });
    socket.write(`POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc${upgrade()}`);
    await vi.waitFor(() => expect(said).toContain('101 Switching'));
    expect(said).toMatch(/^HTTP\/1\.1 200 OK[^]*a pageHTTP\/1\.1 101 Switching Protocols[^]*\r\n\r\n$/);
  });

  it('takes its own path only, from when that listens until it is closed', async () => {
    const web: WebServer = createWebServer((_request, response) => response.end('page'));
    const others: string[] = [];
    web.on('upgrade', (asked, socket) => {
      if (asked.url === '/chat') others.push('chat');
      if (asked.url !== '/_rpcx_') socket.destroy();
    });
    const listening = open({ server: web });
    await new Promise<void>((resolve) => void web.listen(0, '127.0.0.1', resolve));
    ends.push(() => web.close(), () => web.closeAllConnections());
    const { address, accepted, listener, port } = await listening;
    await dial(address);
    await vi.waitFor(() => expect(accepted).toHaveLength(1));
    expect(await raw(port, upgrade('', '/chat'))).toBe('');
    expect(others).toEqual(['chat']);
    expect(await (await fetch(`http://127.0.0.1:${port}/`)).text()).toBe('page');
    await listener.close();
    expect(web.listenerCount('upgrade')).toBe(1);
    expect(web.listening).toBe(true);
    const idle = createWebServer();
    const own = await open({ server: idle });
    await own.listener.close();
    expect(idle.listening).toBe(false);
  });

  it('gives up waiting for it when the signal aborts', async () => {
    const web = createWebServer();
    const before = web.listenerCount('listening');
    const listening = webSocket({ server: web }).listen({ network: 'ws', host: ':0' }, { runtime: { clock: systemClock, logger: silentLogger }, accept() {}, signal: AbortSignal.abort(new Error('enough')) });
    await expect(listening).rejects.toThrow('enough');
    expect(web.listenerCount('listening') + web.listenerCount('upgrade')).toBe(before);
  });
});

it.each([
  [{ path: 'rpc' }, 'path is "rpc"'],
  [{ path: '/a?b' }, 'path is "/a?b"'],
  [{ origins: ['example.com'] }, '"example.com" is no origin'],
  [{ origins: ['https://example.com/'] }, 'is no origin'],
  [{ origins: 'https://example.com' }, 'origins takes a list'],
  [{ maxMessageBytes: 0 }, 'maxMessageBytes is 0'],
  [{ maxMessageBytes: 2 ** 32 }, 'maxMessageBytes is 4294967296: it takes a whole number from 1 to 2147483647'],
  [{ closeTimeoutMs: 1e12 }, 'closeTimeoutMs is 1000000000000'],
  [{ server: {} }, 'for an app of express createServer(app)'],
  [{ headers: 'x' }, 'headers is "x"'],
  [{ headers: { 'x y': '1' } }, 'the header "x y" cannot be sent'],
  [{ headers: { x: '1\r\ny: 2' } }, 'the header "x" cannot be sent'],
  [{ tls: 'x' }, 'tls is "x"; give { cert'],
  [{ tls: { ca: 'x', clientCertificate: 'required' } }, 'tls.clientCertificate is "required"'],
  [{ maxMessageSize: 5 }, 'webSocket has no option "maxMessageSize"'],
  [{ pingMs: -1 }, 'pingMs is -1'],
  [{ handshakeTimeoutMs: Number.NaN }, 'handshakeTimeoutMs is NaN'],
  [{ tls: { cert: 'x' } }, 'belong together'],
  [{ tls: { ca: 'x', cert: 'x', key: 'y' } }, 'tls.cert, tls.key or tls.ca cannot be used'],
])('webSocket(%j) is a TypeError', (options, text) => {
  expect(() => webSocket(options as never)).toThrow(TypeError);
  expect(() => webSocket(options as never)).toThrow(text);
});
