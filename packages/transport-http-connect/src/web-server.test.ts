import { createServer, request } from 'node:http';
import { createServer as createSocketServer, type AddressInfo } from 'node:net';
import { systemClock } from '@rpcxjs/core';
import type { Address } from '@rpcxjs/core';
import { manualClock } from '@rpcxjs/testing';
import { closeAfterEach, freePort, Heard, later, memoryLogger, raw, rejection, serve, until } from '@rpcxjs/transport-sides';
import { describe, expect, it } from 'vitest';
import { httpConnect } from './http-connect.ts';
import type { WebServer } from './web-server.ts';

const here = freePort('http');

closeAfterEach();

const runtime = { clock: systemClock, logger: memoryLogger([]) };

function get(port: number, path: string): Promise<string> {
  return new Promise((resolve, reject) => {
    request({ host: '127.0.0.1', port, path, agent: false }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk)).on('end', () => resolve(`${response.statusCode} ${text}`));
    }).on('error', reject).end();
  });
}

async function listening(server: WebServer = createServer((asked, response) => response.end(`page ${asked.url}`))): Promise<{ server: WebServer; port: number; address: Address }> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  later(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  return { server, port, address: { network: 'http', host: `127.0.0.1:${port}` } };
}

describe('rpcx behind an HTTP server', () => {
  it('leaves its routes alone, while requests come in pieces and on kept connections', async () => {
    const { server, port, address } = await listening();
    const { listener, accepted } = await serve(httpConnect({ server }), address);
    expect(listener.address).toEqual(address);
    expect(await get(port, '/a')).toBe('200 page /a');
    const slow = await raw(address);
    for (const letter of 'GET /b HTTP/1.1\r\nHost: x\r\n\r\n') {
      slow.socket.write(letter);
      await new Promise((resolve) => { setImmediate(resolve); });
    }
    await until(() => slow.heard.text.endsWith('page /b'));
    slow.socket.write('GET /c HTTP/1.1\r\nHost: x\r\n\r\n');
    await until(() => slow.heard.text.endsWith('page /c'));
    const connection = await httpConnect().dial(address, { runtime });
    later(() => connection.abort());
    await until(() => accepted.length === 1);
    expect([accepted[0]?.remote, accepted[0]?.local]).toEqual([connection.local, connection.remote]);
  });

  it('keeps a request body that comes with the head', async () => {
    const { server, address } = await listening(createServer((asked, response) => asked.pipe(response)));
    await serve(httpConnect({ server }), address);
    const { socket, heard } = await raw(address);
    const body = 'x'.repeat(100_000);
    socket.write(`POST / HTTP/1.1\r\nHost: x\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
    await until(() => heard.text.split('x').length - 1 === body.length);
  });

  it('takes a CONNECT that comes a byte at a time, with line feeds or CRLF', async () => {
    const { server, address } = await listening();
    const { accepted } = await serve(httpConnect({ server }), address);
    for (const request of ['CONNECT /_rpcx_ HTTP/1.0\n\n', 'CONNECT /_rpcx_ HTTP/1.1\r\nHost: x\r\n\r\n']) {
      const before = accepted.length;
      const { socket, heard } = await raw(address);
      for (const letter of request) {
        socket.write(letter);
        await new Promise((resolve) => { setImmediate(resolve); });
      }
      await until(() => heard.text === 'HTTP/1.0 200 Connected to rpcx\n\n' && accepted.length === before + 1);
    }
  });

  it('keeps the bytes that came with the CONNECT', async () => {
    const { server, address } = await listening();
    const { accepted } = await serve(httpConnect({ server }), address);
    const { socket, heard } = await raw(address);
    socket.write('CONNECT /_rpcx_ HTTP/1.0\n\nfirst frame');
    await until(() => accepted.length === 1);
    const side = new Heard();
    accepted[0]?.start(side);
    await until(() => side.text === 'first frame' && heard.text === 'HTTP/1.0 200 Connected to rpcx\n\n');
  });

  it('takes a CONNECT after other requests of its connection, with the bytes that came with it', async () => {
    const { server, address } = await listening();
    const { listener, accepted } = await serve(httpConnect({ server }), address);
    const ask = async (target: string): Promise<Awaited<ReturnType<typeof raw>>> => {
      const { socket, heard } = await raw(address);
      socket.write('GET /page HTTP/1.1\r\nHost: x\r\n\r\n');
      await until(() => heard.text.endsWith('page /page'));
      heard.text = '';
      socket.write(`CONNECT ${target} HTTP/1.1\r\nHost: x\r\n\r\nfirst `);
      return { socket, heard };
    };
    const { socket, heard } = await ask('/_rpcx_');
    await until(() => accepted.length === 1);
    const side = new Heard();
    accepted[0]?.start(side);
    socket.write('and later');
    await until(() => side.text === 'first and later');
    accepted[0]?.write(Buffer.from('answer'));
    await until(() => heard.text === 'HTTP/1.0 200 Connected to rpcx\n\nanswer');
    await accepted[0]?.close();
    const [other, proxied] = [await ask('/elsewhere'), await ask('example.org:443')];
    await until(() => other.heard.ended && proxied.heard.ended);
    expect([other.heard.text.split('\r\n')[0], proxied.heard.text]).toEqual(['HTTP/1.0 404 Not Found', '']);
    server.on('connect', (_asked, stream) => stream.end('HTTP/1.1 502 Mine\r\n\r\n'));
    const mine = await ask('/_rpcx_');
    await until(() => mine.heard.ended);
    expect(mine.heard.text).toBe('HTTP/1.1 502 Mine\r\n\r\n');
    await listener.close();
    expect(server.listenerCount('connect')).toBe(1);
  });

  it('takes a CONNECT that was sent before its connection had all answers after them', async () => {
    const held: (() => void)[] = [];
    const { server, address } = await listening(createServer({ keepAliveTimeout: 20 }, (asked, response) => void held.push(() => response.end(`page ${asked.url}`))));
    const { accepted } = await serve(httpConnect({ server }), address);
    const { socket, heard } = await raw(address);
    socket.write('GET /a HTTP/1.1\r\nHost: x\r\n\r\nGET /b HTTP/1.1\r\nHost: x\r\n\r\nCONNECT /_rpcx_ HTTP/1.1\r\nHost: x\r\n\r\nfirst ');
    await until(() => held.length === 2);
    held[1]?.();
    socket.write('and later');
    held[0]?.();
    await until(() => accepted.length === 1);
    const side = new Heard();
    accepted[0]?.start(side);
    await until(() => side.text === 'first and later' && heard.text.endsWith('rpcx\n\n'));
    expect(heard.text).toMatch(/page \/a(.|\r\n)*page \/bHTTP\/1\.0 200 Connected to rpcx\n\n$/);
    // Whoever leaves while it waits leaves nothing, and breaks nothing.
    const gone = await raw(address);
    gone.socket.write('GET /c HTTP/1.1\r\nHost: x\r\n\r\nCONNECT /_rpcx_ HTTP/1.1\r\nHost: x\r\n\r\n');
    await until(() => held.length === 3);
    gone.socket.resetAndDestroy();
    await until(() => gone.heard.ended);
    held[2]?.();
    expect(accepted.length).toBe(1);
  });

  it('answers a CONNECT of another path with 404, and leaves it to whoever listens for CONNECT', async () => {
    const { server, address } = await listening();
    await serve(httpConnect({ server }), address);
    expect((await rejection(httpConnect({ path: '/elsewhere' }).dial(address, { runtime }))).message).toContain('"HTTP/1.0 404 Not Found": there is no rpcx at /elsewhere');
    const seen: (string | undefined)[] = [];
    server.on('connect', (asked, socket) => {
      seen.push(asked.url);
      socket.end('HTTP/1.1 502 Mine\r\n\r\n');
    });
    for (const target of ['/elsewhere', 'example.org:443']) {
      const { socket, heard } = await raw(address);
      socket.write(`CONNECT ${target} HTTP/1.1\r\nHost: x\r\n\r\n`);
      await until(() => heard.text === 'HTTP/1.1 502 Mine\r\n\r\n');
    }
    expect(seen).toEqual(['/elsewhere', 'example.org:443']);
  });

  it('serves several paths of one server, each once', async () => {
    const { server, port, address } = await listening();
    const [one, two] = [await serve(httpConnect({ server, path: '/one' }), address), await serve(httpConnect({ server, path: '/two' }), address)];
    expect((await rejection(serve(httpConnect({ server, path: '/two' }), address))).message).toContain('the path /two of this HTTP server is taken by another httpConnect');
    const connection = await httpConnect({ path: '/two' }).dial(address, { runtime });
    later(() => connection.abort());
    await until(() => two.accepted.length === 1);
    await two.listener.close();
    expect((await rejection(httpConnect({ path: '/two' }).dial(address, { runtime }))).message).toContain('404 Not Found');
    await one.listener.close();
    expect(await get(port, '/still')).toBe('200 page /still');
    expect(server.listeners('connection').length).toBe(1);
  });

  it('waits for a server that is about to listen, and makes one listen that is not', async () => {
    const [about, not] = [createServer(), createServer()];
    about.listen(0, '127.0.0.1');
    const first = await serve(httpConnect({ server: about }), here);
    const second = await serve(httpConnect({ server: not }), here);
    for (const [server, { listener }] of [[about, first], [not, second]] as const) expect(listener.address.host).toBe(`127.0.0.1:${(server.address() as AddressInfo).port}`);
    await first.listener.close();
    await second.listener.close();
    expect([about.listening, not.listening]).toEqual([true, false]);
    about.close();
  });

  it('refuses another port than the one that the server has, a taken one, and what is no HTTP server', async () => {
    const { server, address } = await listening();
    const other = await rejection(serve(httpConnect({ server }), { network: 'http', host: '127.0.0.1:1' }));
    expect(other).toMatchObject({ reason: 'LISTEN_FAILED' });
    expect(other.message).toContain(`the HTTP server listens on ${address.host} already: listen on http@${address.host}`);
    expect(await rejection(serve(httpConnect({ server: createServer() }), address))).toMatchObject({ reason: 'LISTEN_FAILED', cause: { code: 'EADDRINUSE' } });
    expect((await rejection(serve(httpConnect({ server: createSocketServer() as never }), here))).message).toContain('it is no server of node:http or node:https');
    // None of them stays attached.
    expect(server.listeners('connection').map(({ name }) => name)).toEqual(['connectionListener']);
  });

  it('hands whoever says nothing over to HTTP, whose limits are its own, and to the end of its port', async () => {
    const clock = manualClock();
    const { server, address } = await listening(createServer({ headersTimeout: 50, requestTimeout: 50, connectionsCheckingInterval: 20 }));
    const { listener } = await serve(httpConnect({ server, handshakeTimeoutMs: 1000 }), address, clock);
    const silent = await raw(address);
    const half = await raw(address);
    half.socket.write('CONNECT /_rp');
    await until(() => clock.pending === 1);
    await until(() => (clock.advance(500), half.heard.ended && silent.heard.ended));
    expect(half.heard.text).toContain('408 Request Timeout');
    const last = await raw(address);
    await until(() => clock.pending === 1);
    server.close();
    await until(() => (clock.advance(500), last.heard.ended));
    await listener.close();
    expect(clock.pending).toBe(0);
  });

  it('leaves whoever is still waiting to HTTP when it closes', async () => {
    const { server, address } = await listening();
    const { listener } = await serve(httpConnect({ server }), address);
    const { socket, heard } = await raw(address);
    socket.write('C');
    socket.write('ON');
    await listener.close();
    socket.write('NECT x:1 HTTP/1.1\r\n\r\n');
    await until(() => heard.ended);
    expect(await get((server.address() as AddressInfo).port, '/')).toBe('200 page /');
  });
});
