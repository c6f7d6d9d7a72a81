import { silentLogger } from '@rpcxjs/core';
import { manualClock } from '@rpcxjs/testing';
import { afterEach, expect, it, vi } from 'vitest';
import { webSocket } from './browser-dialer.ts';

/** Says what a test has it say, as the WebSockets of several runtimes do. */
class ScriptedSocket {
  static last: ScriptedSocket | undefined;
  static readonly made: string[] = [];
  bufferedAmount = 0;
  readonly sent: number[] = [];
  readonly closes: (number | undefined)[] = [];
  readonly #listeners = new Map<string, ((event: object) => void)[]>();

  constructor(url: string) {
    if (url.includes(' ')) throw new SyntaxError('no URL');
    ScriptedSocket.last = this;
    ScriptedSocket.made.push(url);
  }
  addEventListener(type: string, listener: (event: object) => void): void {
    this.#listeners.set(type, [...(this.#listeners.get(type) ?? []), listener]);
  }
  says(type: string, event: object = {}): void {
    for (const listener of this.#listeners.get(type) ?? []) listener(event);
  }
  send(data: Uint8Array): void {
    this.sent.push(data.length);
    this.bufferedAmount += data.length;
  }
  close(code?: number): void {
    this.closes.push(code);
    // At once, as in Node 24.
    this.says('error');
    this.says('close', { code: 1006, reason: '' });
  }
}

afterEach(() => {
  vi.unstubAllGlobals();
  ScriptedSocket.made.length = 0;
});
function setUp(): { runtime: { clock: ReturnType<typeof manualClock>; logger: typeof silentLogger }; address: { network: string; host: string } } {
  vi.stubGlobal('WebSocket', ScriptedSocket);
  return { runtime: { clock: manualClock(), logger: silentLogger }, address: { network: 'wss', host: 'example.com:8080' } };
}
const checks = "no WebSocket to wss://example.com:8080/_rpcx_: is the server running, does it take this page's origin at this path, and is its certificate trusted?";

it.each([[['error']], [['error', 'close']]])('a dial that fails with %j says what to check', async (events) => {
  const { runtime, address } = setUp();
  const dialled = webSocket().dial(address, { runtime });
  for (const event of events) ScriptedSocket.last?.says(event, { code: 1006, reason: '' });
  await expect(dialled).rejects.toMatchObject({ code: 'unavailable', reason: 'CONNECT_FAILED', sent: false, message: checks });
});

it('a dial is given up with the reason of its signal, before and while it waits, though the socket complains', async () => {
  const { runtime, address } = setUp();
  await expect(webSocket().dial(address, { runtime, signal: AbortSignal.abort(new Error('before')) })).rejects.toThrow('before');
  expect(ScriptedSocket.made).toEqual([]);
  const control = new AbortController();
  const dialled = webSocket({ path: '/rpc' }).dial(address, { runtime, signal: control.signal });
  control.abort(new Error('enough'));
  await expect(dialled).rejects.toThrow('enough');
  expect(ScriptedSocket.made).toEqual(['wss://example.com:8080/rpc']);
  expect(ScriptedSocket.last?.closes).toEqual([undefined]);
});

it('what the page itself refuses is told with its own words', async () => {
  const { runtime } = setUp();
  await expect(webSocket().dial({ network: 'ws', host: 'a b' }, { runtime })).rejects.toThrow('SyntaxError: no URL; the address is host:port, and a page of https may dial wss only');
  vi.stubGlobal('WebSocket', undefined);
  await expect(webSocket().dial({ network: 'ws', host: 'a' }, { runtime })).rejects.toThrow('there is no WebSocket here');
  expect(() => webSocket({ path: 'rpc' })).toThrow(TypeError);
});

it('a large chunk goes as several messages; drain comes when the page has sent them, and the clock is asked only until then', async () => {
  const { runtime, address } = setUp();
  const dialled = webSocket().dial(address, { runtime });
  const socket = ScriptedSocket.last!;
  socket.says('open');
  const connection = await dialled;
  let drains = 0;
  const ends: unknown[] = [];
  connection.start({ data() {}, drain: () => void drains++, closed: (reason) => void ends.push(reason) });
  expect(connection.write(new Uint8Array(1000))).toBe(true);
  expect(runtime.clock.pending).toBe(0);
  expect(connection.write(new Uint8Array(600_000))).toBe(false);
  expect(socket.sent).toEqual([1000, 262_144, 262_144, 75_712]);
  runtime.clock.advance(100);
  expect([drains, runtime.clock.pending]).toEqual([0, 1]);
  socket.bufferedAmount = 1000;
  runtime.clock.advance(100);
  expect([drains, runtime.clock.pending, connection.bufferedBytes]).toEqual([1, 0, 1000]);
  connection.write(new Uint8Array(600_000));
  socket.says('close', { code: 1005, reason: '' });
  expect([ends, runtime.clock.pending]).toEqual([[undefined], 0]);
});

it('keeps what comes while it is paused, in order, and tells the end after it', async () => {
  const { runtime, address } = setUp();
  const dialled = webSocket().dial(address, { runtime });
  const socket = ScriptedSocket.last!;
  socket.says('open');
  const connection = await dialled;
  const heard: unknown[] = [];
  const message = (byte: number): void => socket.says('message', { data: Uint8Array.of(byte).buffer });
  message(1);
  connection.start({
    data: (chunk) => {
      heard.push(chunk[0]);
      if (chunk[0] === 2) connection.pause();
    },
    drain() {}, closed: (reason) => void heard.push(reason?.message),
  });
  socket.says('message', { data: 'text' });
  message(2);
  message(3);
  socket.says('close', { code: 1009, reason: 'too large' });
  expect(heard).toEqual([1, 2]);
  connection.resume();
  expect(heard).toEqual([1, 2, 3, 'the WebSocket to wss@example.com:8080 was lost: it was closed with 1009 too large']);
  await Promise.all([connection.close(), connection.close()]);
});

it.each(['user@example.com:80', 'example.com/other:80', 'example.com?:80', 'example.com#:80', '[fe80::1%eth0]:80'])('a dial of %j goes nowhere, for a URL would take it for something else', async (host) => {
  const { runtime } = setUp();
  await expect(webSocket().dial({ network: 'ws', host }, { runtime })).rejects.toMatchObject({ reason: 'CONNECT_FAILED', sent: false, message: expect.stringContaining(`the address is host:port, and "${host}" is none`) as string });
  expect(ScriptedSocket.made).toEqual([]);
});
