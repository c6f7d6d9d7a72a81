import { createServer as createWebServer, type Server as WebServer } from 'node:http';
import { createServer as createSecureWebServer } from 'node:https';
import { readFileSync } from 'node:fs';
import { connect, createServer as createTcpServer, type AddressInfo, type Server as TcpServer, type Socket } from 'node:net';
import { RpcError, silentLogger, systemClock, type Clock, type Connection, type ConnectionSink, type Listener, type Logger } from '@rpcxjs/core';
import { manualClock } from '@rpcxjs/testing';
import { tcp } from '@rpcxjs/transport-tcp';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { webSocket, type WebSocketOptions } from '../src/index.ts';

const pem = (name: string): string => readFileSync(new URL(`../../transport-tcp/test/fixtures/${name}`, import.meta.url), 'utf8');
const secrets = { cert: pem('server.crt'), key: pem('server.key'), ca: pem('ca.crt') };

const ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});
const portOf = (server: TcpServer): number => (server.address() as AddressInfo).port;
async function bound<S extends TcpServer>(server: S): Promise<S> {
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  ends.push(() => server.close());
  return server;
}
interface Open {
  readonly listener: Listener;
  readonly port: number;
  readonly accepted: Connection[];
  readonly lines: string[];
}
async function open(options: WebSocketOptions = {}, { network = 'ws', clock = systemClock }: { network?: string; clock?: Clock } = {}): Promise<Open> {
  const accepted: Connection[] = [];
  const lines: string[] = [];
  const note = (_fields: object, message: string): void => void lines.push(message);
  const logger: Logger = { ...silentLogger, warn: note, error: note };
  const listener = await webSocket(options).listen({ network, host: '127.0.0.1:0' }, { runtime: { clock, logger }, accept: (connection) => void accepted.push(connection) });
  ends.push(() => {
    for (const connection of accepted) connection.abort();
    return listener.close();
  });
  return { listener, port: Number(listener.address.host.split(':').at(-1)), accepted, lines };
}
const runtime = { clock: systemClock, logger: silentLogger };
async function dial(host: string, options: WebSocketOptions = {}, { network = 'ws', clock = systemClock }: { network?: string; clock?: Clock } = {}): Promise<Connection> {
  const connection = await webSocket(options).dial({ network, host }, { runtime: { ...runtime, clock } });
  ends.push(() => connection.abort());
  return connection;
}
const upgrade = (more = '', path = '/_rpcx_'): string => `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n${more}\r\n`;
/** One that never hangs up by itself. */
async function stay(port: number, text: string): Promise<{ socket: Socket; status: string }> {
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
  ends.push(() => socket.destroy());
  socket.on('error', () => {}).write(text);
  const status = await new Promise<string>((resolve) => void socket.once('data', (chunk: Buffer) => resolve(chunk.toString('latin1').split(' ')[1] ?? '')));
  return { socket, status };
}
const connections = (server: TcpServer): Promise<number> => new Promise((resolve) => void server.getConnections((_error, count) => resolve(count)));
interface Heard extends ConnectionSink {
  bytes: number;
  reasons: (string | undefined)[];
}
function hears(): Heard {
  const heard: Heard = {
    bytes: 0, reasons: [],
    data: (chunk) => void (heard.bytes += chunk.length), drain() {}, closed: (reason) => void heard.reasons.push(reason?.message),
  };
  return heard;
}
async function pair(options: WebSocketOptions = {}, where: { network?: string; clock?: Clock } = {}): Promise<{ near: Connection; far: Connection }> {
  const tls = where.network === 'wss' ? { tls: secrets } : {};
  const { listener, accepted } = await open({ ...options, ...tls }, where);
  const near = await dial(listener.address.host, { ...options, ...tls }, where);
  await vi.waitFor(() => expect(accepted).toHaveLength(1));
  return { near, far: accepted[0]! };
}

describe('a server survives', () => {
  it.each(['//', '///a', 'http://[', '//[', '*', '/%', '/a/../_rpcx_'])('a request for %s', async (path) => {
    const { port, accepted } = await open();
    expect((await stay(port, upgrade('', path))).status).toBe('404');
    expect((await stay(port, upgrade('', '/_rpcx_?token=x'))).status).toBe('101');
    expect(accepted).toHaveLength(1);
  });

  it.each<[string, WebSocketOptions['origins'], RegExp]>([
    ['throws', (origin) => new URL(origin).host === 'good.example', /the function origins failed/],
    ['returns a promise, which would be true whatever it says', (async () => false) as unknown as () => boolean, /the function origins failed/],
  ])('a function origins that %s, and lets nobody in', async (_what, origins, line) => {
    const { port, accepted, lines } = await open({ origins });
    expect((await stay(port, upgrade('Origin: null\r\n'))).status).toBe('500');
    expect(accepted).toEqual([]);
    expect(lines).toEqual([expect.stringMatching(line)]);
  });

  it('those who stay after they were refused: their sockets are closed all the same', async () => {
    const web = await bound(createWebServer());
    await open({ server: web });
    for (const [status, text] of [['403', upgrade('Origin: http://evil.example\r\n')], ['404', upgrade('', '/other')], ['400', upgrade().replace('dGhlIHNhbXBsZSBub25jZQ==', 'x')]] as const) {
      expect((await stay(web.address() === null ? 0 : portOf(web), text)).status).toBe(status);
    }
    await vi.waitFor(async () => expect(await connections(web)).toBe(0));
  });

  it('a client of tcp, which hears what stands there', async () => {
    const { port } = await open();
    const client = await tcp().dial({ network: 'tcp', host: `127.0.0.1:${port}` }, { runtime });
    ends.push(() => client.abort());
    let said = '';
    client.start({ data: (chunk) => void (said += Buffer.from(chunk).toString('latin1')), drain() {}, closed() {} });
    client.write(Uint8Array.of(8, 0, 0, 16, 0, 0, 0, 0));
    await vi.waitFor(() => expect(said).toMatch(/^HTTP\/1\.1 400 .*an rpcx server: it takes WebSockets at \/_rpcx_\n$/s));
  });
});

describe('a dial ends when the answer', () => {
  it.each([
    ['does not fit the question', 'Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: x\r\n', 'Invalid Sec-WebSocket-Accept header'],
    ['agrees to something else', 'Upgrade: h2c\r\nConnection: Upgrade\r\n', 'Invalid Upgrade header'],
  ])('%s', async (_what, head, text) => {
    const odd = await bound(createTcpServer((socket) => {
      ends.push(() => socket.destroy());
      socket.on('error', () => {}).once('data', () => socket.write(`HTTP/1.1 101 Switching Protocols\r\n${head}\r\n`));
    }));
    const error: unknown = await dial(`127.0.0.1:${portOf(odd)}`).catch((cause: unknown) => cause);
    expect(RpcError.is(error) && error.reason).toBe('CONNECT_FAILED');
    expect((error as Error).message).toContain(`the other side does not speak WebSocket (${text})`);
    await vi.waitFor(async () => expect(await connections(odd)).toBe(0));
  });
});

it.each(['Origin', 'origin'])('a header %s given to a dial replaces our own, and others are sent too', async (name) => {
  let seen: WebServer extends never ? never : Record<string, unknown> = {};
  const web = await bound(createWebServer());
  web.on('upgrade', (request, socket) => {
    seen = { ...request.headers };
    socket.destroy();
  });
  await expect(dial(`127.0.0.1:${portOf(web)}`, { headers: { [name]: 'https://mine.example', authorization: 'Bearer x' } })).rejects.toThrow('could not connect');
  expect(seen).toMatchObject({ origin: 'https://mine.example', authorization: 'Bearer x' });
});

describe('behind one web server', () => {
  it('several paths are taken, each once, and what is for none of them is refused once', async () => {
    const web = await bound(createWebServer());
    const [a, b] = [await open({ server: web, path: '/a' }), await open({ server: web, path: '/ä' })];
    expect((await stay(portOf(web), upgrade('', '/c'))).status).toBe('404');
    await dial(`127.0.0.1:${portOf(web)}`, { path: '/a' });
    await dial(`127.0.0.1:${portOf(web)}`, { path: '/ä' });
    expect([a.accepted.length, b.accepted.length]).toEqual([1, 1]);
    await expect(open({ server: web, path: '/a' })).rejects.toMatchObject({ reason: 'LISTEN_FAILED', message: expect.stringContaining('/a of this server are taken already') as string });
    await a.listener.close();
    await open({ server: web, path: '/a' });
  });

  it('wss is for https; with http TLS may have ended earlier', async () => {
    await expect(open({ server: await bound(createSecureWebServer(secrets)) })).rejects.toThrow('ws behind a server of https; listen on wss@');
    expect((await open({ server: await bound(createWebServer()) }, { network: 'wss' })).listener.address.network).toBe('wss');
  });

  it('that does not listen yet is made to, and closed with the listener', async () => {
    const web = createWebServer();
    const { address } = (await open({ server: web })).listener;
    await dial(address.host);
    expect(web.listening).toBe(true);
    const other = webSocket({ server: await bound(createWebServer()) }).listen({ network: 'ws', host: '127.0.0.1:9' }, { runtime, accept() {} });
    await expect(other).rejects.toMatchObject({ reason: 'LISTEN_FAILED', message: expect.stringContaining('listens on 127.0.0.1:') as string });
  });

  it('that cannot listen, listen() says why', async () => {
    const clock = manualClock();
    const taken = await bound(createTcpServer());
    const web = createWebServer();
    web.listen(portOf(taken), '127.0.0.1');
    const counts = (): number[] => ['listening', 'error', 'upgrade'].map((event) => web.listenerCount(event));
    const before = counts();
    await expect(open({ server: web }, { clock })).rejects.toMatchObject({ reason: 'LISTEN_FAILED', message: expect.stringContaining('EADDRINUSE') as string });
    expect([counts(), clock.pending]).toEqual([before, 0]);
  });
});

describe.each(['ws', 'wss'])('%s: what is large', (network) => {
  it('may be larger than a message may be: it goes as several, both ways', async () => {
    const { near, far } = await pair({ maxMessageBytes: 300_000 }, { network });
    const [there, here] = [hears(), hears()];
    far.start(there);
    near.start(here);
    near.write(new Uint8Array(1_000_000));
    far.write(new Uint8Array(1_000_000));
    await vi.waitFor(() => expect([there.bytes, here.bytes, there.reasons, here.reasons]).toEqual([1_000_000, 1_000_000, [], []]));
  });

  it('is sent whole by close(), and not at all by abort()', async () => {
    for (const [end, whole] of [['close', true], ['abort', false]] as const) {
      const { near, far } = await pair({}, { network });
      const there = hears();
      far.start(there);
      near.start(hears());
      near.write(new Uint8Array(20_000_000));
      void near[end]();
      expect(near.write(Uint8Array.of(1))).toBe(false);
      await vi.waitFor(() => expect(there.reasons).toHaveLength(1));
      expect([there.bytes === 20_000_000, there.reasons[0] === undefined]).toEqual([whole, whole]);
      expect(near.bufferedBytes).toBe(0);
    }
  });

  it('counts as sent as far as the system took it, so that a slow reader is no dead one', async () => {
    const { near, far } = await pair({}, { network });
    near.start({ data: () => near.pause(), drain() {}, closed() {} });
    far.start(hears());
    far.write(new Uint8Array(32 * 1024 * 1024));
    const seen = new Set<number>();
    await vi.waitFor(() => {
      seen.add(far.bufferedBytes);
      near.resume();
      expect(seen.size).toBeGreaterThan(10);
    }, { interval: 1, timeout: 5000 });
  });
});

describe('a ping decides', () => {
  const rounds = async (clock: { advance(ms: number): void }, one: () => Promise<void>): Promise<void> => {
    for (let round = 0; round < 6; round++) {
      await one();
      clock.advance(1000);
    }
  };
  it('not against a peer whose message is still coming', async () => {
    const clock = manualClock();
    const { port, accepted } = await open({ pingMs: 1000 }, { clock });
    const { socket } = await stay(port, upgrade());
    const heard = hears();
    accepted[0]!.start(heard);
    // The head of a message of a million bytes, masked with nothing.
    socket.write(Uint8Array.of(0x82, 0xff, 0, 0, 0, 0, 0, 0x0f, 0x42, 0x40, 0, 0, 0, 0));
    await rounds(clock, () => new Promise((resolve) => void socket.write(new Uint8Array(1000), () => void setTimeout(resolve, 10))));
    expect(heard).toMatchObject({ bytes: 0, reasons: [] });
    await rounds(clock, () => new Promise((resolve) => void setTimeout(resolve, 10)));
    expect(heard.reasons).toEqual([expect.stringContaining('no byte came for 2000 ms, nor after a ping')]);
  });

  it('not against one that reads what is sent to it, however slowly', async () => {
    const clock = manualClock();
    const { port, accepted } = await open({ pingMs: 1000 }, { clock });
    const { socket } = await stay(port, upgrade());
    socket.pause();
    const heard = hears();
    accepted[0]!.start(heard);
    accepted[0]!.write(new Uint8Array(64 * 1024 * 1024));
    let read = 0;
    socket.on('data', (chunk: Buffer) => void (read += chunk.length));
    await rounds(clock, async () => {
      const goal = read + 4 * 1024 * 1024;
      socket.resume();
      await vi.waitFor(() => expect(read).toBeGreaterThan(goal), { interval: 1 });
      socket.pause();
    });
    expect(heard.reasons).toEqual([]);
    await rounds(clock, () => new Promise((resolve) => void setTimeout(resolve, 10)));
    expect(heard.reasons).toEqual([expect.stringContaining('no byte came for 2000 ms, nor after a ping')]);
  });
});

describe.each(['ws', 'wss'])('%s: a ping decides', (network) => {
  it('never against a peer that is not being read', async () => {
    const clock = manualClock();
    const { near, far } = await pair({ pingMs: 1000 }, { network, clock });
    const [here, there] = [hears(), hears()];
    near.start(here);
    far.start(there);
    near.pause();
    far.pause();
    for (let round = 0; round < 5; round++) clock.advance(1000);
    near.resume();
    far.resume();
    near.write(Uint8Array.of(1));
    await vi.waitFor(() => expect(there.bytes).toBe(1));
    clock.advance(1000);
    expect([here.reasons, there.reasons]).toEqual([[], []]);
  });
});
