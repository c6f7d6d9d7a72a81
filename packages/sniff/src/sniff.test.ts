import { manualClock } from '@rpcxjs/testing';
import { memory } from '@rpcxjs/transport-memory';
import { tcp } from '@rpcxjs/transport-tcp';
import type { Connection, RpcError } from '@rpcxjs/core';
import { closeAfterEach, freePort, Heard, later, memoryLogger, raw, rejection, serve, until } from '@rpcxjs/transport-sides';
import { describe, expect, it } from 'vitest';
import { isHttp, isJson, isRpcx, isTls } from './matchers.ts';
import type { Matcher } from './matchers.ts';
import { sniff, sniffStats } from './sniff.ts';
import { sniffDefaults } from './sniff-options.ts';

const here = freePort('tcp');

closeAfterEach();

const frame = Buffer.from('08000000', 'hex');
const anything: Matcher = () => 'yes';
const is = (word: string): Matcher => (bytes) => {
  const seen = Buffer.from(bytes).toString('latin1');
  return word.startsWith(seen) && seen.length < word.length ? 'more' : seen.startsWith(word) ? 'yes' : 'no';
};

describe('sniff', () => {
  it('keeps every byte and the end, also when they come one at a time and nobody has started the connection', async () => {
    const ports = sniff(tcp(), { rpcx: isRpcx, long: is('hello') });
    const { listener, accepted } = await serve(ports.long);
    const { socket } = await raw(listener.address);
    for (const letter of 'hello, world') {
      socket.write(letter);
      await new Promise((resolve) => { setImmediate(resolve); });
    }
    socket.end();
    await until(() => accepted.length === 1);
    const heard = new Heard();
    accepted[0]?.start(heard);
    await until(() => heard.closes.length === 1);
    expect([heard.text, heard.closes]).toEqual(['hello, world', [undefined]]);
  });

  it('asks the matchers in their order, and waits for one that says more', async () => {
    const ports = sniff(tcp(), { first: is('abc'), second: is('ab'), third: anything });
    const first = await serve(ports.first);
    const second = await serve(ports.second, first.listener.address);
    const third = await serve(ports.third, first.listener.address);
    const one = await raw(first.listener.address);
    one.socket.write('ab');
    const other = await raw(first.listener.address);
    other.socket.write('x');
    await until(() => third.accepted.length === 1);
    expect([first.accepted.length, second.accepted.length]).toEqual([0, 0]);
    one.socket.write('x');
    await until(() => second.accepted.length === 1);
    expect(sniffStats(ports).recognised).toEqual({ first: 0, second: 1, third: 1 });
  });

  it('delivers at once what a matcher takes without a byte, for servers that speak first', async () => {
    const ports = sniff(tcp(), { all: anything });
    const { listener, accepted } = await serve(ports.all);
    const { socket, heard } = await raw(listener.address);
    await until(() => accepted.length === 1);
    accepted[0]?.start(new Heard());
    accepted[0]?.write(Buffer.from('220 ready'));
    await until(() => heard.text === '220 ready');
    socket.end();
  });

  it('pauses what it delivers: no byte comes before start(), none while paused', async () => {
    const ports = sniff(tcp(), { json: isJson });
    const { listener, accepted } = await serve(ports.json);
    const { socket } = await raw(listener.address);
    socket.write('{"a":1}');
    await until(() => accepted.length === 1);
    const [connection] = accepted as [Connection];
    socket.write('{"b":2}');
    const heard = new Heard();
    const told: string[] = [];
    connection.start({
      data(chunk) {
        heard.data(chunk);
        told.push(Buffer.from(chunk).toString());
        connection.pause();
      },
      drain() {}, closed() {},
    });
    expect(told).toEqual(['{"a":1}']);
    connection.resume();
    await until(() => told.length === 2);
    socket.write('{"c":3}');
    connection.resume();
    await until(() => told.length === 3);
    expect(heard.text).toBe('{"a":1}{"b":2}{"c":3}');
  });

  it('splits a transport in memory as well', async () => {
    const below = memory();
    const ports = sniff(below, { rpcx: isRpcx, http: isHttp });
    const { listener, accepted } = await serve(ports.http, { network: 'memory', host: 'sniffed' });
    const client = await below.dial(listener.address, { runtime: { clock: manualClock(), logger: memoryLogger([]) } });
    later(() => client.abort());
    client.start(new Heard());
    client.write(Buffer.from('GET / HTTP/1.1\r\n'));
    await until(() => accepted.length === 1);
    const heard = new Heard();
    accepted[0]?.start(heard);
    await until(() => heard.text === 'GET / HTTP/1.1\r\n');
  });
});

describe('what nobody recognises', () => {
  it('is cut at once, counted, logged and told with a typed reason', async () => {
    const told: RpcError[] = [];
    const ports = sniff(tcp(), { rpcx: isRpcx, http: isHttp }, { refused: (error) => void told.push(error) });
    const { listener, lines } = await serve(ports.rpcx);
    const { socket, heard } = await raw(listener.address);
    socket.write(Buffer.from('16030100c801', 'hex'));
    await until(() => heard.ended);
    expect(heard.error).toMatchObject({ code: 'ECONNRESET' });
    expect(told).toMatchObject([{ code: 'unimplemented', reason: 'UNKNOWN_PROTOCOL', message: 'a connection begins with 16 03 01 00 c8 01, which is none of rpcx, http: this looks like TLS: leave the tls option of the client out, or sniff acceptTls(…), or add isTls' }]);
    expect(lines).toMatchObject([{ level: 'warn', fields: { why: 'unknown', remote: expect.stringMatching(/^tcp@127/) as string } }]);
    expect(sniffStats(ports).refused).toMatchObject({ unknown: 1, late: 0 });
  });

  it('is cut when it is recognised and nobody listens for it', async () => {
    const ports = sniff(tcp(), { rpcx: isRpcx, http: isHttp });
    const { listener, lines } = await serve(ports.rpcx);
    const { socket, heard } = await raw(listener.address);
    socket.write('GET / HTTP/1.1\r\n');
    await until(() => heard.ended);
    expect(lines).toMatchObject([{ fields: { why: 'unserved', err: { reason: 'UNKNOWN_PROTOCOL' } }, message: expect.stringContaining('a connection speaks http, and nobody listens for that on this port') as string }]);
    expect(sniffStats(ports)).toMatchObject({ recognised: { http: 0 }, refused: { unserved: 1 } });
  });

  it('is cut after maxBytes that show nothing', async () => {
    const ports = sniff(tcp(), { json: isJson }, { maxBytes: 100 });
    const { listener, lines } = await serve(ports.json);
    const { socket, heard } = await raw(listener.address);
    socket.write(' '.repeat(99));
    await new Promise((resolve) => { setImmediate(resolve); });
    expect(heard.ended).toBe(false);
    socket.write(' ');
    await until(() => heard.ended);
    expect(lines).toMatchObject([{ fields: { why: 'tooLong', err: { reason: 'UNKNOWN_PROTOCOL' } }, message: expect.stringContaining('100 bytes did not show which of json') as string }]);
  });

  it('goes to a matcher further down when its time is over, with all its bytes', async () => {
    const clock = manualClock();
    const ports = sniff(tcp(), { word: is('hello'), rest: (bytes) => (bytes.length === 0 ? 'more' : 'yes') }, { timeoutMs: 500 });
    const { listener, accepted } = await serve(ports.rest, here, clock);
    const { socket } = await raw(listener.address);
    socket.write('hel');
    await until(() => clock.pending === 1);
    for (let turns = 0; turns < 50; turns++) await new Promise((resolve) => { setImmediate(resolve); });
    expect(accepted.length).toBe(0);
    clock.advance(500);
    expect(accepted.length).toBe(1);
    const heard = new Heard();
    accepted[0]?.start(heard);
    expect(heard.text).toBe('hel');
  });

  it('counts a matcher that throws or returns something else as a no', async () => {
    const ports = sniff(tcp(), { throws: () => { throw new Error('broken'); }, odd: (() => true) as unknown as Matcher, rpcx: isRpcx });
    const { listener, accepted, lines } = await serve(ports.rpcx);
    const { socket } = await raw(listener.address);
    socket.write(frame);
    await until(() => accepted.length === 1);
    expect(lines).toContainEqual(expect.objectContaining({ level: 'error', message: 'the matcher throws failed, which counts as a no' }));
    expect(lines).toContainEqual(expect.objectContaining({ message: 'the matcher odd failed, which counts as a no', fields: { matcher: 'odd', err: expect.objectContaining({ message: 'it returned true; return \'yes\', \'no\' or \'more\'' }) as Error } }));
  });
});

describe('whoever takes its time', () => {
  it('B8: is cut after timeoutMs, however steadily its bytes trickle in', async () => {
    const clock = manualClock();
    let seen = 0;
    const ports = sniff(tcp(), { json: (bytes) => ((seen = bytes.length), isJson(bytes)) }, { timeoutMs: 10_000 });
    const { listener, lines } = await serve(ports.json, here, clock);
    const { socket, heard } = await raw(listener.address);
    for (let second = 1; second < 10; second++) {
      socket.write(' ');
      await until(() => seen === second);
      clock.advance(1000);
    }
    expect(sniffStats(ports).waiting).toBe(1);
    clock.advance(1000);
    await until(() => heard.ended);
    expect(lines).toMatchObject([{ level: 'warn', fields: { why: 'late', err: { code: 'deadline_exceeded', reason: 'TIMEOUT' } } }]);
    expect([clock.pending, sniffStats(ports).refused.late]).toEqual([0, 1]);
  });

  it('B8: a thousand that say nothing cost no more than maxWaiting, and an honest one gets through', async () => {
    const clock = manualClock();
    const ports = sniff(tcp(), { rpcx: isRpcx }, { maxWaiting: 100 });
    const { listener, accepted } = await serve(ports.rpcx, here, clock);
    const silent = await Promise.all(Array.from({ length: 1000 }, () => raw(listener.address)));
    await until(() => sniffStats(ports).refused.crowded === 900);
    expect([sniffStats(ports).waiting, clock.pending]).toEqual([100, 100]);
    const honest = await raw(listener.address);
    honest.socket.write(frame);
    await until(() => accepted.length === 1);
    clock.advance(sniffDefaults.timeoutMs);
    await until(() => silent.every(({ heard }) => heard.ended));
    expect([sniffStats(ports).waiting, clock.pending, honest.heard.ended]).toEqual([0, 0, false]);
  });

  it('is no warning when it leaves without a byte, as a probe does', async () => {
    const ports = sniff(tcp(), { rpcx: isRpcx });
    const { listener, lines } = await serve(ports.rpcx);
    (await raw(listener.address)).socket.end();
    await until(() => lines.length === 1);
    expect(lines[0]?.level).toBe('debug');
    expect(sniffStats(ports)).toMatchObject({ waiting: 0, refused: { left: 1 } });
  });
});

describe('sniffed listeners', () => {
  it('share one port per address, which closes with the last of them', async () => {
    const ports = sniff(tcp(), { rpcx: isRpcx, http: isHttp, tls: isTls });
    const [first, second] = await Promise.all([serve(ports.rpcx), serve(ports.http)]);
    const third = await serve(ports.tls, first.listener.address);
    expect(new Set([first, second, third].map(({ listener }) => listener.address.host)).size).toBe(1);
    await first.listener.close();
    await third.listener.close();
    const still = await raw(second.listener.address);
    still.socket.write('GET ');
    await until(() => second.accepted.length === 1);
    const waiting = await raw(second.listener.address);
    await until(() => sniffStats(ports).waiting === 1);
    await second.listener.close();
    await second.listener.close();
    await until(() => waiting.heard.ended);
    expect(await rejection(raw(second.listener.address))).toMatchObject({ code: 'ECONNREFUSED' });
    expect(still.heard.ended).toBe(false);
  });

  it('are different ones for one name: a second on the same port is refused as any is', async () => {
    const ports = sniff(tcp(), { rpcx: isRpcx });
    const { listener } = await serve(ports.rpcx);
    expect(await rejection(serve(ports.rpcx, listener.address))).toMatchObject({ reason: 'LISTEN_FAILED' });
    expect((await serve(ports.rpcx)).listener.address.host).not.toBe(listener.address.host);
  });

  it('leave no port behind when the signal of the only one aborts, and stay for others', async () => {
    const ports = sniff(tcp(), { rpcx: isRpcx, http: isHttp });
    const controller = new AbortController();
    const reason = new Error('changed my mind');
    const given = rejection(ports.rpcx.listen(here, { runtime: { clock: manualClock(), logger: memoryLogger([]) }, signal: controller.signal, accept() {} }));
    const other = serve(ports.http);
    controller.abort(reason);
    expect(await given).toBe(reason);
    const { listener, accepted } = await other;
    (await raw(listener.address)).socket.write('GET ');
    await until(() => accepted.length === 1);
  });

  it('fail together when the port is taken, and can be tried again', async () => {
    const taken = await serve(tcp());
    const ports = sniff(tcp(), { rpcx: isRpcx, http: isHttp });
    const errors = await Promise.all([ports.rpcx, ports.http].map((acceptor) => rejection(serve(acceptor, taken.listener.address))));
    for (const error of errors) expect(error).toMatchObject({ reason: 'LISTEN_FAILED' });
    await taken.listener.close();
    await serve(ports.http, taken.listener.address);
  });
});

describe('sniff options', () => {
  it('are refused when they cannot work, and say what to give', () => {
    expect(() => sniff({} as never, { rpcx: isRpcx })).toThrow('sniff: the first argument has no listen(); give an acceptor, such as tcp()');
    expect(() => sniff(tcp(), {})).toThrow('sniff: there are no matchers');
    expect(() => sniff(tcp(), { rpcx: 'rpcx' as never })).toThrow('sniff: the matcher rpcx is string; give a function');
    expect(() => sniff(tcp(), { rpcx: isRpcx }, { timeoutMs: 0 })).toThrow('sniff: timeoutMs is 0; give milliseconds, at least 1');
    expect(() => sniff(tcp(), { rpcx: isRpcx }, { maxBytes: 1.5 })).toThrow('sniff: maxBytes is 1.5; give a whole number, at least 1');
    expect(() => sniff(tcp(), { rpcx: isRpcx }, { refused: 1 as never })).toThrow('sniff: refused is number');
    expect(() => sniff(tcp(), { rpcx: isRpcx }, { timeout: 5 } as object)).toThrow('sniff has no option "timeout": it takes timeoutMs');
    expect(() => sniffStats({})).toThrow('sniffStats: this is not what sniff() returned');
  });
});
