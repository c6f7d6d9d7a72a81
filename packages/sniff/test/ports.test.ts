import { createServer as createHttpServer, request } from 'node:http';
import { get as secureGet, createServer as createHttpsServer } from 'node:https';
import { readFileSync } from 'node:fs';
import { createClient } from '@rpcxjs/client';
import { splitHostPort } from '@rpcxjs/core';
import type { Connection, ServerPlugin } from '@rpcxjs/core';
import { createServer } from '@rpcxjs/server';
import { httpConnect } from '@rpcxjs/transport-http-connect';
import { tcp } from '@rpcxjs/transport-tcp';
import { webSocket } from '@rpcxjs/transport-ws';
import { closeAfterEach, later, type Line, memoryLogger, raw, until } from '@rpcxjs/transport-sides';
import { describe, expect, it } from 'vitest';
import { isConnect, isHttp, isRpcx, isTls, serveHttp, sniff, sniffStats } from '../src/index.ts';

closeAfterEach();

const pem = (name: string): string => readFileSync(new URL(`../../transport-tcp/test/fixtures/${name}`, import.meta.url), 'utf8');

interface Answer { readonly status: number; readonly body: string }

function fetchText(port: number, path: string, options: { method?: string; body?: string | Buffer; secure?: boolean } = {}): Promise<Answer> {
  const { method = 'GET', body, secure = false } = options;
  return new Promise((resolve, reject) => {
    const to = { host: '127.0.0.1', port, path, method, agent: false as const, ca: pem('ca.crt') };
    const sent = (secure ? secureGet : request)(to, (response) => {
      let text = '';
      response.setEncoding('latin1').on('data', (chunk: string) => (text += chunk)).on('end', () => resolve({ status: response.statusCode ?? 0, body: text }));
    });
    sent.on('error', reject);
    sent.end(body);
  });
}

interface Whole {
  readonly port: number;
  readonly ports: ReturnType<typeof sniff<'connect' | 'rpcx' | 'http' | 'tls'>>;
  readonly lines: Line[];
  readonly call: (network: string, name: string) => Promise<unknown>;
}

/** rpcx, CONNECT, HTTP and HTTPS on one port. */
async function everything(plugins: readonly ServerPlugin[] = []): Promise<Whole> {
  const lines: Line[] = [];
  const logger = memoryLogger(lines);
  const ports = sniff(tcp(), { connect: isConnect, rpcx: isRpcx, http: isHttp, tls: isTls });
  const server = createServer({ transports: [ports.rpcx, httpConnect({ over: ports.connect })], plugins, logger });
  later(() => server.close({ graceMs: 100 }));
  server.handle('Greeter', 'Hello', (message) => ({ ...message, metadata: {} }));
  const [address = ''] = await server.listen('tcp@127.0.0.1:0');
  await server.listen(address.replace('tcp@', 'http@'));
  const { port } = splitHostPort(address.slice(4));
  const web = createHttpServer((asked, response) => {
    if (asked.method === 'GET') response.end(`${asked.url} from ${asked.socket.remoteAddress}`);
    else asked.pipe(response);
  });
  const secure = createHttpsServer({ cert: pem('server.crt'), key: pem('server.key') }, (asked, response) => response.end(`${asked.url} in secret`));
  for (const [acceptor, one] of [[ports.http, web], [ports.tls, secure]] as const) {
    const listener = await serveHttp(acceptor, one, address, { plugins, logger });
    later(async () => {
      await listener.close();
      one.closeAllConnections();
      one.close();
    });
  }
  const call = async (network: string, name: string): Promise<unknown> => {
    const client = createClient({ servers: `${network}@127.0.0.1:${port}`, transports: [tcp(), httpConnect()], logger, timeoutMs: 2000 });
    try {
      return await client.call('Greeter', 'Hello', { name });
    } finally {
      await client.close();
    }
  };
  return { port, ports, lines, call };
}

describe('one port', () => {
  it('X02: answers rpcx, CONNECT, HTTP and HTTPS at the same time', async () => {
    const { port, ports, call } = await everything();
    const body = Buffer.alloc(3_000_000, 'abcdefg');
    const [plain, connected, page, echo, secret] = await Promise.all([
      call('tcp', 'a'), call('http', 'b'), fetchText(port, '/page'), fetchText(port, '/', { method: 'POST', body }), fetchText(port, '/page', { secure: true }),
    ]);
    expect([plain, connected]).toEqual([{ name: 'a' }, { name: 'b' }]);
    expect(page).toEqual({ status: 200, body: '/page from 127.0.0.1' });
    expect(echo.body === body.toString('latin1')).toBe(true);
    expect(secret).toEqual({ status: 200, body: '/page in secret' });
    expect(sniffStats(ports)).toMatchObject({ waiting: 0, recognised: { connect: 1, rpcx: 1, http: 2, tls: 1 } });
  });

  it('asks the plugins of a server on every path, HTTP too', async () => {
    const asked: (string | undefined)[] = [];
    const closed: Connection[] = [];
    const doorkeeper: ServerPlugin = {
      name: 'doorkeeper',
      acceptConnection: (connection) => (asked.push(connection.remote?.network), connection),
      connectionClosed: (connection) => void closed.push(connection),
    };
    const { port, call } = await everything([doorkeeper]);
    await call('tcp', 'a');
    expect(asked).toEqual(['tcp']);
    await call('http', 'b');
    expect(asked).toEqual(['tcp', 'http']);
    await fetchText(port, '/page');
    await fetchText(port, '/page', { secure: true });
    expect(asked).toEqual(['tcp', 'http', 'tcp', 'tcp']);
    await until(() => closed.length === 4);
  });

  it('lets nobody in on any path whom a plugin refuses', async () => {
    const { port, ports, call } = await everything([{ name: 'nobody', acceptConnection: () => undefined }]);
    await expect(call('tcp', 'a')).rejects.toMatchObject({ code: 'unavailable' });
    await expect(call('http', 'a')).rejects.toMatchObject({ code: 'unavailable' });
    await expect(fetchText(port, '/page')).rejects.toThrow(/ECONNRESET|hang up/);
    await expect(fetchText(port, '/page', { secure: true })).rejects.toThrow(/ECONNRESET|disconnected/);
    expect(sniffStats(ports).recognised).toMatchObject({ http: 1, tls: 1 });
  });

  it('gives upgrades of the HTTP server a stream that carries on both ways', async () => {
    const ports = sniff(tcp(), { http: isHttp });
    const server = createHttpServer();
    server.on('upgrade', (_, stream, head) => {
      stream.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n');
      stream.write(head);
      stream.pipe(stream);
    });
    const listener = await serveHttp(ports.http, server, 'tcp@127.0.0.1:0');
    later(() => listener.close());
    const { socket, heard } = await raw(listener.address);
    socket.write('GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\nhead');
    await until(() => heard.text.endsWith('\r\n\r\nhead'));
    socket.write(' and tail');
    await until(() => heard.text.endsWith('head and tail'));
    socket.end();
    await until(() => heard.ended);
  });

  it('takes WebSockets, too: the HTTP server says where it is reached', async () => {
    const lines: Line[] = [];
    const logger = memoryLogger(lines);
    const ports = sniff(tcp(), { rpcx: isRpcx, http: isHttp });
    const web = createHttpServer((asked, response) => response.end(`page ${asked.url}`));
    const server = createServer({ transports: [ports.rpcx, webSocket({ server: web })], logger });
    server.handle('Greeter', 'Hello', (message) => ({ ...message, metadata: {} }));
    const [address = ''] = await server.listen('tcp@127.0.0.1:0');
    const listener = await serveHttp(ports.http, web, address, { logger });
    const { port } = splitHostPort(address.slice(4));
    expect([web.listening, web.address()]).toEqual([true, { address: '127.0.0.1', port, family: 'IPv4' }]);
    const [wsAddress = ''] = await server.listen(`ws@127.0.0.1:${port}`);
    for (const servers of [wsAddress, address]) {
      const client = createClient({ servers, transports: [webSocket(), tcp()], logger });
      expect(await client.call('Greeter', 'Hello', { over: servers })).toEqual({ over: servers });
      await client.close();
    }
    expect(await fetchText(port, '/about')).toEqual({ status: 200, body: 'page /about' });
    await listener.close();
    expect([web.listening, web.address()]).toEqual([false, null]);
    await server.close({ graceMs: 100 });
    web.close();
  });

  it('keeps the time limits of the HTTP server', async () => {
    const ports = sniff(tcp(), { http: isHttp });
    const server = createHttpServer({ headersTimeout: 60, requestTimeout: 60, connectionsCheckingInterval: 20, keepAliveTimeout: 30 }, (_, response) => response.end('hello'));
    const listener = await serveHttp(ports.http, server, 'tcp@127.0.0.1:0');
    later(async () => {
      await listener.close();
      server.close();
    });
    const slow = await raw(listener.address);
    slow.socket.write('GET / HTTP/1.1\r\nHost: x\r\n');
    const idle = await raw(listener.address);
    idle.socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
    await until(() => slow.heard.ended && idle.heard.ended);
    expect(slow.heard.text).toContain('408 Request Timeout');
    expect(idle.heard.text).toContain('200 OK');
  });
});
