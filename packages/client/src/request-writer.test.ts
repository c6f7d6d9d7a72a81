import { bytesCodec, RpcError, type Codec, type Compressor, type Dialer } from '@rpcxjs/core';
import { gzip } from '@rpcxjs/compress-gzip';
import { flag } from '@rpcxjs/protocol';
import { manualClock } from '@rpcxjs/testing';
import { describe, expect, it } from 'vitest';
import { deferred, failure, FakeServer, recordingLogger, rig, settled, until } from '../test/fake-server.ts';
import { createClient } from './client.ts';
import { failfast } from './fail-modes/failfast.ts';

const compressed = (flags: number): boolean => (flags & flag.compressor) !== 0;
/** A compressor that halves, and says so when the test lets it. */
function slow(gate: Promise<void>, began?: () => void): Compressor {
  return { id: 2, name: 'slow', compress: async (payload) => { began?.(); await gate; return payload.subarray(0, payload.length / 2); }, decompress: (payload) => payload };
}

describe('a request', () => {
  it('has no status, the codec’s number, and metadata only if there is something to say', async () => {
    await using one = await rig({ timeoutMs: Infinity });
    void one.client.call('A', 'B', [1]).catch(() => {});
    expect(await one.server.call(0)).toMatchObject({ flags: 0, codecId: 1, compressorId: 0, service: 'A', method: 'B', metadata: {}, payload: Buffer.from('[1]') });
  });

  it('says what is left of its time beside what the caller says, and the token, unless the caller has one', async () => {
    const clock = manualClock();
    let token = 0;
    await using one = await rig({ clock, token: () => `t${(token += 1)}` });
    void one.client.call('A', 'B', 1, { metadata: { a: '', __AUTH: 'mine', __ServerTimeout: '9' } }).catch(() => {});
    void one.client.call('A', 'B', 1, { timeoutMs: Infinity }).catch(() => {});
    void one.client.oneway({ kind: 'unary', service: 'A', name: 'B' } as never, 1, { timeoutMs: 70 });
    await one.server.call(2);
    expect(one.server.received.map(({ metadata }) => ({ ...metadata }))).toEqual([{ a: '', __AUTH: 'mine', __ServerTimeout: '10000' }, { __AUTH: 't1' }, { __AUTH: 't2', __ServerTimeout: '70' }]);
  });

  it('asks for a token again at each attempt, and leaves the caller’s in all of them', async () => {
    let token = 0;
    await using one = await rig({ token: () => `t${(token += 1)}`, failMode: { name: 'again', next: ({ attempt }) => (attempt < 3 ? { again: 'same', afterMs: 0 } : 'give-up') } });
    one.server.onCall = (call) => one.server.fail(call, 'no');
    await failure(one.client.call('A', 'B', 1));
    await failure(one.client.call('A', 'B', 1, { metadata: { __AUTH: 'mine' } }));
    expect(one.server.received.map(({ metadata }) => metadata['__AUTH'])).toEqual(['t1', 't2', 't3', 'mine', 'mine', 'mine']);
  });

  it.each([0.5, 1, 1.5, 2, 3])('that is written %d ms after its deadline, before the clock has looked at it, is a whole frame with no time left', async (lateMs) => {
    const clock = manualClock();
    const gate = deferred();
    const server = await FakeServer.listen();
    server.onCall = (call) => server.reply(call);
    const slow: Dialer = { networks: ['memory'], dial: async (address, options) => { await gate.promise; return server.network.dial(address, options); } };
    const client = createClient({ servers: server.address, transports: [slow], clock: { now: () => clock.now(), wallTime: () => clock.wallTime(), random: () => 0.5, setTimer: () => ({ cancel() {} }) }, logger: recordingLogger() });
    const late = client.call('A', 'B', 1, { timeoutMs: 10 }).catch(() => {});
    const other = client.call('A', 'C', 1);
    await settled();
    clock.advance(10 + lateMs);
    gate.resolve();
    expect(await other).toBe('ok');
    await late;
    expect(server.received.map(({ metadata }) => metadata['__ServerTimeout'])).toEqual(['0', String(Math.floor(9990 - lateMs))]);
    client.abort();
    await client.close();
  });

  it('whose token function throws fails alone, and nothing of it is sent', async () => {
    let fail = true;
    await using one = await rig({ token: () => { if (fail) throw new Error('no token today'); return 'good'; } });
    expect((await failure(one.client.call('A', 'B', 1))).message).toContain('no token today');
    fail = false;
    one.server.onCall = (call) => one.server.reply(call);
    expect(await one.client.call('A', 'B', 2)).toBe('ok');
    expect(one.server.received).toHaveLength(1);
    expect(one.client.stats()).toMatchObject({ active: 0, connections: 1 });
  });

  it.each<[string, (slip: () => never) => object]>([
    ['token function', (slip) => ({ token: slip })],
    ['contributor of headers', (slip) => ({ headers: [slip] })],
  ])('whose %s throws an error of a call of its own was not sent, and its server is not blamed for it', async (_, options) => {
    const theirs = new RpcError('unavailable', 'no connection to the server of tokens', { reason: 'CONNECT_FAILED', remote: true, details: 7, address: 'tcp@tokens:1' });
    await using one = await rig({ failMode: failfast(), ...options(() => { throw theirs; }) });
    for (let call = 0; call < 20; call += 1) {
      expect(await failure(one.client.call('A', 'B', 1))).toMatchObject({ code: 'unavailable', reason: 'CONNECT_FAILED', message: theirs.message, sent: false, remote: false, details: 7, address: 'tcp@tokens:1', cause: theirs });
    }
    expect(one.client.nodes()).toMatchObject([{ state: 'healthy', failures: 0 }]);
    expect(one.server.received).toEqual([]);
  });

  it('may have exactly maxFrameBytes behind its header, and not a byte more', async () => {
    const limit = 4096;
    await using one = await rig({ codecs: [bytesCodec], limits: { maxFrameBytes: limit }, timeoutMs: Infinity });
    one.server.onCall = (call) => one.server.reply(call, { codecId: 0, payload: '' });
    const room = limit - 4 * 4 - 2;
    await one.client.call('A', 'B', new Uint8Array(room));
    expect(one.server.received[0]?.bytes).toBe(limit + 16);
    expect(await failure(one.client.call('A', 'B', new Uint8Array(room + 1)))).toMatchObject({ code: 'resource_exhausted', reason: 'TOO_LARGE', sent: false });
    await one.client.call('A', 'B', new Uint8Array(1));
    expect([one.server.received.length, one.client.stats().connections]).toEqual([2, 1]);
  });

  it('that its codec gives up half way leaves nothing behind, whatever was thrown', async () => {
    const thrown: unknown[] = [new Error('half'), 'a text', undefined, new RpcError('invalid_argument', 'typed', { sent: false })];
    const half: Codec = { id: 5, name: 'half', encode: (value, writer) => { writer.append(new Uint8Array(50_000)); if (value !== 'good') throw thrown.shift(); }, decode: () => 'read' };
    await using one = await rig({ codecs: [half] });
    for (const code of ['internal', 'internal', 'internal', 'invalid_argument']) expect((await failure(one.client.call('A', 'B', 'bad'))).code).toBe(code);
    one.server.onCall = (call) => one.server.reply(call, { codecId: 5 });
    expect(await one.client.call('A', 'B', 'good')).toBe('read');
    expect(one.server.received).toMatchObject([{ codecId: 5, payload: { length: 50_000 } }]);
  });
});

describe('a compressed request', () => {
  it('is one above 1024 bytes; the flag is never on anything else', async () => {
    await using one = await rig({ codecs: [bytesCodec], compressors: [gzip()] });
    one.server.onCall = (call) => one.server.reply(call, { codecId: 0, payload: '' });
    for (const size of [0, 1, 1024, 1025, 100_000]) await one.client.call('A', 'B', new Uint8Array(size));
    expect(one.server.received.map(({ flags, payload }) => [compressed(flags), payload.length > 1024])).toEqual([[false, false], [false, false], [false, false], [true, false], [true, false]]);
    expect(one.server.received[0]?.payload.length).toBe(0);
  });

  it('that is raw has the flag that it came with, but not without a payload', async () => {
    await using one = await rig();
    one.server.onCall = (call) => one.server.reply(call, { payload: '' });
    const message = { service: 'A', method: 'B', metadata: {}, payload: Uint8Array.of(1), codecId: 3, compressorId: 1, oneway: false, error: true };
    await one.client.raw(message);
    await one.client.raw({ ...message, payload: new Uint8Array(0) });
    expect(one.server.received.map(({ flags, codecId }) => [flags, codecId])).toEqual([[1 << flag.compressorShift, 3], [0, 3]]);
  });

  it('that is raw is refused with what would not go out as it is', async () => {
    await using one = await rig();
    const message = { service: 'A', method: 'B', metadata: {}, payload: Uint8Array.of(1), codecId: 3, compressorId: 1, oneway: false, error: false };
    const said = async (wrong: object | undefined): Promise<string> => {
      const error = await failure(one.client.raw((wrong && { ...message, ...wrong }) as never));
      expect(error).toMatchObject({ code: 'invalid_argument', sent: false });
      return error.message;
    };
    for (const codecId of [99, 16, -1, 1.5, Number.NaN, '1', undefined]) expect(await said({ codecId })).toBe(`the codecId of a raw message is ${codecId === '1' ? '"1"' : String(codecId)}: it takes a whole number from 0 to 15`);
    for (const compressorId of [9, -1]) expect(await said({ compressorId })).toBe(`the compressorId of a raw message is ${compressorId}: it takes a whole number from 0 to 7`);
    for (const payload of ['x', [1], undefined]) expect(await said({ payload })).toContain('it takes a Uint8Array');
    expect(await said(undefined)).toContain('the payload of a raw message is undefined');
    expect(one.server.connections).toEqual([]);
  });

  it('that takes its time lets others pass, keeps its number, and is not sent once it is over', async () => {
    const gate = deferred();
    await using one = await rig({ codecs: [bytesCodec], compressors: [slow(gate.promise)] });
    one.server.onCall = (call) => one.server.reply(call, { codecId: 0, payload: '' });
    const controller = new AbortController();
    const large = one.client.call('A', 'Large', new Uint8Array(5000));
    const over = failure(one.client.call('A', 'Over', new Uint8Array(5000), { signal: controller.signal }));
    await one.client.call('A', 'Small', new Uint8Array(5));
    controller.abort();
    expect((await over).code).toBe('canceled');
    gate.resolve();
    await large;
    await one.client.call('A', 'Small', new Uint8Array(5));
    expect(one.server.received.map(({ method, payload }) => [method, payload.length])).toEqual([['Small', 5], ['Large', 2500], ['Small', 5]]);
    expect(one.client.stats().traffic.framesWritten).toBe(4);
  });

  it.each(['value', 'oneway'] as const)('whose connection ends meanwhile was not sent, and so may be sent on the next: %s', async (kind) => {
    const [gate, begun] = [deferred(), deferred()];
    await using one = await rig({ codecs: [bytesCodec], compressors: [slow(gate.promise, () => begun.resolve())] });
    one.server.onCall = (call) => { if (call.method !== 'B' || kind === 'value') one.server.reply(call, { codecId: 0, payload: '' }); };
    await one.client.call('A', 'Warm', new Uint8Array(5));
    const input = new Uint8Array(5000);
    const call = kind === 'value' ? one.client.call('A', 'B', input) : one.client.oneway({ kind: 'unary', service: 'A', name: 'B' } as never, input);
    await begun.promise;
    one.server.network.links[0]?.cut();
    await until(() => one.client.stats().connections === 0 || one.client.stats().retries === 1);
    gate.resolve();
    await call;
    await one.server.call(1);
    expect(one.server.received.map(({ method, payload }) => [method, payload.length])).toEqual([['Warm', 5], ['B', 2500]]);
    expect(one.client.stats()).toMatchObject({ active: 0, retries: 1, succeeded: 2 });
  });

  it.each([[undefined], [null], ['text'], [[1, 2]], [new ArrayBuffer(8)]])('whose compressor gives %j fails alone, at once or later', async (given) => {
    const junk = (later: boolean): Compressor => ({ ...slow(Promise.resolve()), compress: () => (later ? Promise.resolve(given) : given) as never });
    for (const later of [false, true]) {
      await using one = await rig({ codecs: [bytesCodec], compressors: [junk(later)] });
      one.server.onCall = (call) => one.server.reply(call);
      expect(await failure(one.client.call('A', 'B', new Uint8Array(2000)))).toMatchObject({ code: 'internal', sent: false, message: 'A.B could not be written: the compressor 2 gave no Uint8Array' });
      expect(await one.client.call('A', 'B', new Uint8Array(5))).toBeDefined();
      expect(one.server.received).toHaveLength(1);
    }
  });

  it('that cannot be compressed fails alone', async () => {
    const broken: Compressor = { ...slow(Promise.resolve()), compress: () => Promise.reject(new Error('no memory')) };
    await using one = await rig({ codecs: [bytesCodec], compressors: [broken] });
    expect((await failure(one.client.call('A', 'B', new Uint8Array(5000)))).message).toContain('no memory');
    expect(one.client.stats()).toMatchObject({ active: 0, connections: 1 });
  });
});
