import { readFileSync } from 'node:fs';
import { manualClock } from '@rpcxjs/testing';
import { closeAfterEach, freePort, Heard, raw, serve, until } from '@rpcxjs/transport-sides';
import { describe, expect, it } from 'vitest';
import { judge } from './connect-accept.ts';
import { httpConnect } from './http-connect.ts';
import { httpConnectDefaults } from './http-connect-options.ts';

const here = freePort('http');

closeAfterEach();

describe('a port for rpcx over HTTP', () => {
  it('answers what Go answers, to the letter, and keeps the bytes that came with the request', async () => {
    const { listener, accepted } = await serve(httpConnect());
    const { socket, heard } = await raw(listener.address);
    socket.write('CONNECT /_rpcx_ HTTP/1.0\n\nfirst frame');
    await until(() => heard.text === 'HTTP/1.0 200 Connected to rpcx\n\n');
    const connection = accepted[0];
    expect([connection?.local?.network, connection?.remote?.network]).toEqual(['http', 'http']);
    const server = new Heard();
    connection?.start(server);
    expect(server.text).toBe('first frame');
  });

  it('takes a request that comes a byte at a time, with CRLF and headers', async () => {
    const { listener, accepted } = await serve(httpConnect({ path: '/internal/rpc' }));
    const { socket, heard } = await raw(listener.address);
    for (const letter of 'CONNECT /internal/rpc?x=1 HTTP/1.1\r\nHost: x\r\n\r\n') {
      socket.write(letter);
      await new Promise((resolve) => { setImmediate(resolve); });
    }
    await until(() => heard.text.includes('200 Connected') && accepted.length === 1);
  });

  it.each([
    ['GET /_rpcx_ HTTP/1.1\r\nHost: x\r\n\r\n', /^HTTP\/1\.0 405 Method Not Allowed\r\nContent-Type: text\/plain; charset=utf-8\r\n[^]*Content-Length: 17\r\n[^]*\r\n\r\n405 must CONNECT\n$/],
    ['CONNECT /elsewhere HTTP/1.0\n\n', /^HTTP\/1\.0 404 Not Found\r\n[^]*Content-Length: 19\r\n[^]*404 page not found\n$/],
    ['CONNECT example.org:443 HTTP/1.1\r\n\r\n', /^HTTP\/1\.0 404 /],
    ['hello there\n\n', /^HTTP\/1\.0 400 /],
    [`CONNECT /_rpcx_ HTTP/1.0\n${'X: y\n'.repeat(5000)}`, /^HTTP\/1\.0 431 /],
    ['\x08\0\0\0', /^HTTP\/1\.0 400 /],
    ['\x16\x03\x01\0', /^HTTP\/1\.0 400 /],
  ])('refuses %j and ends', async (request, answer) => {
    const { listener, accepted } = await serve(httpConnect());
    const { socket, heard } = await raw(listener.address);
    socket.write(Buffer.from(request, 'latin1'));
    await until(() => heard.ended);
    expect(heard.text).toMatch(answer);
    expect(accepted.length).toBe(0);
  });

  it('B8: cuts whoever does not finish the request in handshakeTimeoutMs', async () => {
    const clock = manualClock();
    const { listener, lines } = await serve(httpConnect({ handshakeTimeoutMs: 900 }), here, clock);
    const silent = await raw(listener.address);
    const slow = await raw(listener.address);
    slow.socket.write('CONNECT /_r');
    await until(() => clock.pending === 2);
    await until(() => (clock.advance(100), lines.length === 2));
    await until(() => silent.heard.ended && slow.heard.ended);
    expect(clock.pending).toBe(0);
  });

  it('B8: a thousand silent connections cost no more than maxWaiting', async () => {
    const clock = manualClock();
    const { listener, accepted } = await serve(httpConnect({ maxWaiting: 50 }), here, clock);
    const silent = await Promise.all(Array.from({ length: 1000 }, () => raw(listener.address)));
    await until(() => silent.filter(({ heard }) => heard.ended).length === 950);
    expect(clock.pending).toBe(50);
    const honest = await raw(listener.address);
    honest.socket.write('CONNECT /_rpcx_ HTTP/1.0\n\n');
    await until(() => accepted.length === 1);
    await listener.close();
    await until(() => silent.every(({ heard }) => heard.ended));
    expect([clock.pending, honest.heard.ended]).toEqual([0, false]);
  });

  it('leaves nothing of a connection that ends on the way', async () => {
    const clock = manualClock();
    const { listener, lines } = await serve(httpConnect(), here, clock);
    const { socket } = await raw(listener.address);
    socket.write('CONN');
    socket.end();
    await until(() => lines.length === 1);
    expect(lines[0]).toMatchObject({ level: 'debug', message: 'a connection ended before its CONNECT request was whole' });
    await until(() => clock.pending === 0);
  });
});

it('judges the path before the method, as Go does', () => {
  expect(judge('GET /elsewhere HTTP/1.1', '/_rpcx_')?.body).toBe('404 page not found');
  expect(judge('POST /_rpcx_ HTTP/1.1', '/_rpcx_')?.body).toBe('405 must CONNECT');
  expect(judge('CONNECT /_rpcx_ HTTP/2', '/_rpcx_')?.status).toBe('400 Bad Request');
  expect(judge('CONNECT /_rpcx_?a=b HTTP/1.0', '/_rpcx_')).toBe(undefined);
});

describe('options', () => {
  it('have the defaults that their comments say', () => {
    const source = readFileSync(new URL('http-connect-options.ts', import.meta.url), 'utf8');
    for (const [name, value] of Object.entries(httpConnectDefaults)) expect(source).toMatch(new RegExp(`@default '?${value}'? \\*/\\n  readonly ${name}\\?`));
  });

  it('are refused at construction when they cannot work, and say what to give', () => {
    expect(() => httpConnect({ path: 'rpc' })).toThrow(new TypeError('httpConnect: path is "rpc"; give one that begins with / and has no blanks, no ? and no #, such as /_rpcx_'));
    for (const path of ['/a b', '/a\nHost: x', '/ä', '/a?b', '']) expect(() => httpConnect({ path })).toThrow(TypeError);
    expect(() => httpConnect({ maxWaiting: 0 })).toThrow('httpConnect: maxWaiting is 0');
    expect(() => httpConnect({ headers: { 'X Y': '1' } })).toThrow('headers has the name "X Y"');
    expect(() => httpConnect({ headers: { X: '1\nY: 2' } })).toThrow('the header X is no line of ASCII text');
    expect(() => httpConnect({ server: {} as never })).toThrow('server has no listen()');
    expect(() => httpConnect({ over: {} as never })).toThrow('over has no listen()');
    expect(() => httpConnect({ handshakeTimeoutMs: 0 })).toThrow(new TypeError('httpConnect: handshakeTimeoutMs is 0; give milliseconds, at least 1'));
    expect(() => httpConnect({ tls: { cert: 'only half' } })).toThrow('tls.cert is set without tls.key');
  });
});
