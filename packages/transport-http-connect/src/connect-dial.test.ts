import { readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import { RpcError, systemClock } from '@rpcxjs/core';
import type { Address, Clock, Connection } from '@rpcxjs/core';
import { manualClock, seededRandom } from '@rpcxjs/testing';
import { tcp } from '@rpcxjs/transport-tcp';
import { closeAfterEach, Heard, later, memoryLogger, rejection, serve, until } from '@rpcxjs/transport-sides';
import { describe, expect, it } from 'vitest';
import { ReplyReader } from './connect-dial.ts';
import { HttpRefusal } from './http-refusal.ts';
import { httpConnect } from './http-connect.ts';
import type { HttpConnectOptions } from './http-connect-options.ts';

closeAfterEach();

interface Scripted {
  readonly address: Address;
  readonly sockets: Socket[];
  /** What all connections sent. */
  readonly got: { text: string };
}

/** A server that does with each connection what a test says. */
async function scripted(script: (socket: Socket) => void): Promise<Scripted> {
  const sockets: Socket[] = [];
  const got = { text: '' };
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    sockets.push(socket);
    socket.on('error', () => {}).on('data', (chunk: Buffer) => (got.text += chunk.toString('latin1')));
    script(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  later(() => new Promise((resolve) => {
    for (const socket of sockets) socket.destroy();
    server.close(resolve);
  }));
  return { address: { network: 'http', host: `127.0.0.1:${(server.address() as AddressInfo).port}` }, sockets, got };
}

async function dial(address: Address, options: HttpConnectOptions = {}, clock: Clock = systemClock, signal?: AbortSignal): Promise<Connection> {
  const connection = await httpConnect(options).dial(address, { runtime: { clock, logger: memoryLogger([]) }, signal });
  later(() => connection.abort());
  return connection;
}

const welcome = 'HTTP/1.0 200 Connected to rpcx\n\n';

describe('the request', () => {
  it('is what Go sends, to the letter', async () => {
    const { address, got } = await scripted((socket) => socket.write(welcome));
    await dial(address);
    await until(() => got.text.length > 0);
    expect(got.text).toBe('CONNECT /_rpcx_ HTTP/1.0\n\n');
  });

  it('has the path and the headers of the options', async () => {
    const { address, got } = await scripted((socket) => socket.write(welcome));
    await dial(address, { path: '/internal/rpc', headers: { 'Proxy-Authorization': 'Basic eDp5' } });
    await until(() => got.text.length > 0);
    expect(got.text).toBe('CONNECT /internal/rpc HTTP/1.0\nProxy-Authorization: Basic eDp5\n\n');
  });
});

describe('the answer', () => {
  it('may come a byte at a time, and what follows in the same chunk is kept', async () => {
    const { address } = await scripted((socket) => {
      socket.setNoDelay(true);
      const bytes = `${welcome.slice(0, -1)}`;
      let at = 0;
      const next = (): void => {
        if (at < bytes.length) socket.write(bytes[at++] ?? '', () => setImmediate(next));
        else socket.write('\nfirst frame');
      };
      next();
    });
    const connection = await dial(address);
    const heard = new Heard();
    connection.start(heard);
    await until(() => heard.text === 'first frame');
  });

  it.each(['\n', '\r\n'])('may have lines that end with %j, and headers', (end) => {
    const head = Buffer.from(['HTTP/1.1 200 Connected to rpcx', 'Server: nginx', 'X: y', '', ''].join(end));
    expect(new ReplyReader('/').read(Buffer.concat([head, Buffer.from('rest\n\n')]))).toBe(head.length);
  });

  it('is read the same however it is cut', () => {
    const random = seededRandom(99);
    const lot = (below: number): number => Math.floor(random() * below);
    for (let round = 0; round < 500; round++) {
      const end = random() < 0.5 ? '\n' : '\r\n';
      const fields = Array.from({ length: lot(4) }, (_, at) => `X-${at}: ${'v'.repeat(lot(40))}`);
      const good = random() < 0.7;
      const status = good ? '200 Connected to rpcx' : ['200 OK', '404 Not Found', '407 Proxy Authentication Required', '204'][lot(4)];
      const head = Buffer.from([`HTTP/1.${lot(2)} ${status}`, ...fields, '', ''].join(end));
      const whole = Buffer.concat([head, Uint8Array.from({ length: lot(60) }, () => lot(256))]);
      const reader = new ReplyReader('/_rpcx_');
      let result: number | Error | undefined;
      for (let at = 0; result === undefined && at < whole.length;) {
        at = Math.min(whole.length, at + 1 + lot(random() < 0.5 ? 1 : 100));
        try {
          result = reader.read(whole.subarray(0, at));
        } catch (error) {
          result = error as Error;
        }
      }
      if (good) expect(result).toBe(head.length);
      else expect(result).toMatchObject({ name: 'HttpRefusal', status: Number(status?.slice(0, 3)) });
    }
  });

  it('throws nothing but errors that say something, whatever comes', () => {
    const random = seededRandom(5);
    for (let round = 0; round < 2000; round++) {
      const noise = Buffer.from(Uint8Array.from({ length: 30 }, () => Math.floor(random() * 256)));
      const bytes = round % 2 === 0 ? noise : Buffer.concat([Buffer.from('HTTP/1.0 2'), noise, Buffer.from('\n\n')]);
      expect(() => new ReplyReader('/').read(bytes)).toThrow(/answer/);
    }
  });
});

describe('a refusal', () => {
  it.each([
    ['404 Not Found', 'there is no rpcx at /_rpcx_: give path the value of the server'],
    ['405 Method Not Allowed', '/_rpcx_ does not take CONNECT there: give path the value of the rpcx server'],
    ['407 Proxy Authentication Required', 'a proxy asks who you are: give headers'],
    ['403 Forbidden', 'is not open to this client'],
    ['400 Bad Request', 'it did not understand the request'],
    ['302 Found', 'rpcx follows no redirects'],
    ['503 Service Unavailable', 'is not able to serve now'],
    ['200 OK', 'this is no rpcx server, which says "200 Connected to rpcx"'],
  ])('%s says what to do, and nothing was sent', async (status, advice) => {
    const { address, sockets } = await scripted((socket) => socket.write(`HTTP/1.1 ${status}\r\nContent-Length: 0\r\n\r\n`));
    const error = await rejection(dial(address));
    expect(RpcError.is(error)).toBe(true);
    expect(error).toMatchObject({ code: 'unavailable', reason: 'CONNECT_FAILED', sent: false, address: `http@${address.host}` });
    expect(error.message).toContain(`could not connect to http@${address.host}: it answered "HTTP/1.1 ${status}": `);
    expect(error.message).toContain(advice);
    expect(error.cause).toBeInstanceOf(HttpRefusal);
    expect(error.cause).toMatchObject({ status: Number(status.slice(0, 3)), statusLine: `HTTP/1.1 ${status}` });
    await until(() => sockets.every((socket) => socket.destroyed || socket.readableEnded || socket.errored !== null));
  });
});

it('shows no control characters of a stranger', async () => {
  const { address } = await scripted((socket) => socket.write('HTTP/1.0 404 \x1b[31mgone\x07\n\n'));
  expect((await rejection(dial(address))).message).toContain('it answered "HTTP/1.0 404 ?[31mgone?": ');
});

describe('what is no answer', () => {
  it.each([
    [Buffer.from('08000000', 'hex'), /begins with 08 00 00 00, which is no HTTP: this looks like rpcx without HTTP: use tcp@/],
    [Buffer.from('15030300020228', 'hex'), /begins with 15 03 03 00 02 02 28, which is no HTTP: this looks like TLS: give both sides the tls option/],
    [Buffer.from('220 smtp.example ESMTP\r\n'), /begins with 32 32 30 20 .*, which is no HTTP: is the port right\?/],
    [Buffer.from('HTTP/nonsense\n\n'), /begins with "HTTP\/nonsense", which is no status line/],
    [Buffer.from(`HTTP/1.0 200 Connected to rpcx\n${'X: y\n'.repeat(5000)}`), /the head of the answer to CONNECT is longer than 16384 bytes/],
  ])('fails the dial at once (%#)', async (bytes, sentence) => {
    const { address, sockets } = await scripted((socket) => socket.write(bytes));
    const started = performance.now();
    const error = await rejection(dial(address));
    expect(error).toMatchObject({ reason: 'CONNECT_FAILED', sent: false });
    expect(error.message).toMatch(sentence);
    expect(performance.now() - started).toBeLessThan(1000);
    await until(() => sockets.every((socket) => socket.destroyed || socket.errored !== null || socket.readableEnded));
  });

  it('is told apart from a port that hangs up, such as one of plain rpcx', async () => {
    const { address } = await scripted((socket) => socket.destroy());
    const error = await rejection(dial(address));
    expect(error.message).toBe(`could not connect to http@${address.host}: the other side hung up instead of answering CONNECT: if it is a plain rpcx port, dial tcp@${address.host}; if it speaks TLS, set the tls option`);
    expect(error).toMatchObject({ reason: 'CONNECT_FAILED', sent: false });
  });

  it('is told apart from a server that turns a client without the right certificate away', async () => {
    const pem = (name: string): string => readFileSync(new URL(`../../transport-tcp/test/fixtures/${name}`, import.meta.url), 'utf8');
    const identity = (name: string): { cert: string; key: string } => ({ cert: pem(`${name}.crt`), key: pem(`${name}.key`) });
    const ca = pem('ca.crt');
    const { listener } = await serve(httpConnect({ tls: { ca, ...identity('server'), clientCertificate: 'require' } }));
    const without = (await rejection(dial(listener.address, { tls: { ca } }))).message;
    expect(without).toContain('ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED, the server asks for a client certificate: set tls.cert and tls.key');
    const unknown = (await rejection(dial(listener.address, { tls: { ca, ...identity('self') } }))).message;
    expect(unknown).toContain('it may ask for a client certificate and not accept what tls.cert is here, its log says so');
  });

  it('is waited for handshakeTimeoutMs, however steadily it trickles in', async () => {
    const clock = manualClock();
    const { address, sockets, got } = await scripted(() => {});
    const dialling = rejection(dial(address, { handshakeTimeoutMs: 700 }, clock));
    await until(() => got.text !== '');
    sockets[0]?.write('HTTP/1.0 200 Conn');
    clock.advance(699);
    expect(clock.pending).toBe(1);
    clock.advance(1);
    expect((await dialling).message).toContain('the answer to CONNECT /_rpcx_ took longer than 700 ms');
    expect(clock.pending).toBe(0);
    await until(() => sockets[0]?.errored !== null || sockets.some((socket) => socket.destroyed));
  });
});

describe('a dial that is aborted', () => {
  it('after CONNECT was sent rejects with the reason and leaves no socket, timer or listener', async () => {
    const clock = manualClock();
    const controller = new AbortController();
    const { address, sockets, got } = await scripted(() => {});
    const dialling = rejection(dial(address, {}, clock, controller.signal));
    await until(() => got.text !== '');
    const reason = new Error('changed my mind');
    controller.abort(reason);
    expect(await dialling).toBe(reason);
    expect(clock.pending).toBe(0);
    await until(() => sockets[0]?.errored !== null);
  });

  it('before the TCP connection came about, or after the answer, does what it does for TCP', async () => {
    const { address, sockets } = await scripted((socket) => socket.write(welcome));
    const reason = new Error('changed my mind');
    expect(await rejection(dial(address, {}, systemClock, AbortSignal.abort(reason)))).toBe(reason);
    expect(sockets.length).toBe(0);
    const controller = new AbortController();
    const connection = await dial(address, {}, systemClock, controller.signal);
    controller.abort(reason);
    const heard = new Heard();
    connection.start(heard);
    sockets[0]?.write('still here');
    await until(() => heard.text === 'still here');
    expect(heard.closes).toEqual([]);
  });
});

it('a plain rpcx client at an HTTP port hears at once that it is the wrong one', async () => {
  const lines: { message: string }[] = [];
  const listener = await httpConnect().listen({ network: 'http', host: '127.0.0.1:0' }, { runtime: { clock: systemClock, logger: memoryLogger(lines as never) }, accept() {} });
  later(() => listener.close());
  const connection = await tcp().dial(listener.address, { runtime: { clock: systemClock, logger: memoryLogger([]) } });
  later(() => connection.abort());
  const heard = new Heard();
  connection.start(heard);
  connection.write(Uint8Array.of(8, 0, 0, 0));
  await until(() => heard.closes.length === 1);
  expect(heard.text).toContain('HTTP/1.0 400 Bad Request');
  expect(lines.map(({ message }) => message)).toEqual(['a connection began with what is no HTTP: this looks like rpcx without HTTP: use tcp@ on one side, or http@ on both']);
});
