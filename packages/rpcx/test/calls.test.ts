import { describe, expect, it } from 'vitest';
import { bytesCodec, contract, jsonCodec, msgpack, RpcError, unary, type Codec, type RawMessage } from '../src/index.ts';
import { deferred, failure, pair } from './pair.ts';

const Arith = contract('Arith', {
  Mul: unary<{ A: number; B: number }, { C: number }>({ idempotent: true }),
  Wait: unary<number, number>(),
  Fail: unary<unknown, void>(),
});
interface GoArith {
  Mul(args: { A: number; B: number }): Promise<{ C: number }>;
  Ping(): Promise<string>;
}

describe('a call', () => {
  it('reaches the handler by contract, by interface and by name', async () => {
    await using both = await pair((server) => server.register(Arith, { Mul: ({ A, B }) => ({ C: A * B }), Wait: (id) => id, Fail: () => {} }).registerFunction('Arith2', 'Ping', () => 'pong'));
    const { client } = both;
    expect(await client.service(Arith).Mul({ A: 6, B: 7 })).toEqual({ C: 42 });
    expect(await client.service<GoArith>('Arith').Mul({ A: -6, B: 7 })).toEqual({ C: -42 });
    expect(await client.service<GoArith>('Arith2').Ping()).toBe('pong');
    expect(await client.service<GoArith>('Elsewhere', { path: 'Arith2' }).Ping()).toBe('pong');
    expect(await client.call('Arith', 'Mul', { A: 2, B: 2 })).toEqual({ C: 4 });
  });

  it('is answered when it is done, not when it was asked', async () => {
    const doors = [deferred(), deferred(), deferred()];
    await using both = await pair((server) =>
      server.register(Arith, { Mul: () => ({ C: 0 }), Fail: () => {}, Wait: async (id) => (await doors[id]?.promise, id) }),
    );
    const service = both.client.service(Arith);
    const order: number[] = [];
    const calls = [0, 1, 2].map(async (id) => order.push(await service.Wait(id)));
    expect(await service.Mul({ A: 1, B: 1 })).toEqual({ C: 0 });
    for (const id of [2, 0, 1]) {
      doors[id]?.resolve();
      await calls[id];
    }
    expect(order).toEqual([2, 0, 1]);
  });

  it('carries metadata there and back, and tells where the reply came from', async () => {
    await using both = await pair((server) =>
      server.registerFunction('Meta', 'Echo', (_: never, call) => {
        call.responseMetadata['seen'] = call.metadata['k\u0000ey'] ?? 'nothing';
        return Object.getPrototypeOf(call.metadata) === null;
      }),
    );
    const replies: unknown[] = [];
    const options = { metadata: { 'k\u0000ey': 'wert ✓', __proto__: 'x' }, onReply: (reply: unknown) => replies.push(reply) };
    expect(await both.client.call('Meta', 'Echo', null, options)).toBe(true);
    expect(replies).toEqual([{ metadata: { seen: 'wert ✓' }, address: both.address }]);
  });

  it('may carry a token of its own, which the client’s does not replace', async () => {
    await using both = await pair((server) => server.registerFunction('Meta', 'Token', (_: never, call) => call.metadata['__AUTH']), { client: { token: 'mine' } });
    expect(await both.client.call('Meta', 'Token', null)).toBe('mine');
    expect(await both.client.call('Meta', 'Token', null, { metadata: { __AUTH: 'the user’s' } })).toBe('the user’s');
  });

  it('leaves the metadata of its caller alone', async () => {
    await using both = await pair((server) => server.registerFunction('Meta', 'Echo', (_: never, call) => ({ ...call.metadata })), { client: { token: 'secret' } });
    const metadata = Object.freeze({ mine: '1' });
    const seen = await both.client.call<Record<string, string>>('Meta', 'Echo', null, { metadata });
    expect(seen).toMatchObject({ mine: '1', __AUTH: 'secret', __ServerTimeout: expect.stringMatching(/^\d+$/) as string });
    expect(metadata).toEqual({ mine: '1' });
  });

  it.each([['MessagePack', msgpack], ['JSON', jsonCodec], ['one at a free number', reversed()]] as const)('goes through %s', async (_, codec) => {
    await using both = await pair((server) => server.registerFunction('Echo', 'It', (input: unknown, call) => ({ input, codec: call.codec })), {
      client: { codecs: [codec] },
      server: { codecs: [codec] },
    });
    expect(await both.client.call('Echo', 'It', { text: '服务🚀', list: [1, null, true] })).toEqual({ input: { text: '服务🚀', list: [1, null, true] }, codec: codec.name });
  });

  it('goes through raw bytes of any size, also those that span many chunks', async () => {
    await using both = await pair((server) => server.registerFunction('Echo', 'It', (input: Uint8Array) => input), { client: { codecs: [bytesCodec] } });
    for (const size of [0, 1, 31_999, 32_768, 65_536, 1_000_000, 5_000_000]) {
      const bytes = new Uint8Array(size).map((_value, index) => index * 7);
      expect(Buffer.compare((await both.client.call<Uint8Array>('Echo', 'It', bytes)) ?? new Uint8Array(0), bytes)).toBe(0);
    }
  });

  it('without an answer resolves, runs, and is not answered', async () => {
    const ran = deferred<unknown>();
    await using both = await pair((server) => server.register(Arith, { Mul: (input) => (ran.resolve(input), { C: 0 }), Wait: (id) => id, Fail: () => {} }));
    await both.client.oneway(Arith.methods.Mul, { A: 1, B: 2 });
    expect(await ran.promise).toEqual({ A: 1, B: 2 });
    expect(both.client.stats()).toMatchObject({ calls: 1, succeeded: 1, active: 0 });
    expect(both.server.stats()).toMatchObject({ calls: 1, oneways: 1, traffic: { framesWritten: 1 } });
  });

  it('that is raw passes payload, codec, metadata and error status untouched', async () => {
    const gateway = (message: RawMessage): RawMessage => ({ ...message, payload: message.payload.toReversed(), error: message.method === 'Bad', metadata: { from: message.service } });
    await using both = await pair((server) => server.handle('Gate', undefined, gateway));
    const message: RawMessage = { service: 'Gate', method: 'Any', metadata: { a: 'b' }, payload: Uint8Array.of(1, 2, 3), codecId: 13, compressorId: 0, oneway: false, error: false };
    expect(await both.client.raw(message)).toMatchObject({ payload: Uint8Array.of(3, 2, 1), codecId: 13, metadata: { from: 'Gate' }, error: false });
    const bad = await both.client.raw({ ...message, method: 'Bad' });
    expect(bad.error).toBe(true);
    expect(bad.metadata['__rpcx_error__']).toBeTruthy();
  });

  it('made while another value is being encoded waits for its turn', async () => {
    await using both = await pair((server) => server.registerFunction('Echo', 'It', (input: unknown) => input));
    await both.client.call('Echo', 'It', 0);
    let inner: Promise<unknown> | undefined;
    const nosy = {
      get value() {
        inner ??= both.client.call('Echo', 'It', 'inner');
        return 1;
      },
    };
    expect(await both.client.call('Echo', 'It', nosy)).toEqual({ value: 1 });
    expect(await inner).toBe('inner');
  });
});

describe('an error', () => {
  it('thrown by a handler arrives with code, reason, details and metadata', async () => {
    await using both = await pair((server) =>
      server.registerFunction('Bad', 'Luck', (_: never, call) => {
        call.responseMetadata['why'] = 'because';
        throw new RpcError('failed_precondition', 'not today', { details: { until: [1, 2] }, retryAfterMs: 40 });
      }),
    );
    expect(await failure(both.client.call('Bad', 'Luck', null))).toMatchObject({
      code: 'failed_precondition', message: 'not today', details: { until: [1, 2] }, retryAfterMs: 40, remote: true, sent: true, address: both.address, metadata: { why: 'because' },
    });
  });

  it('of a server may be mapped by the client', async () => {
    class NotToday extends Error {}
    await using both = await pair((server) => server.registerFunction('Bad', 'Luck', () => { throw new RpcError('aborted', 'x'); }), {
      client: { mapError: (error) => (error.code === 'aborted' ? new NotToday(error.message) : undefined) },
    });
    expect(await failure(both.client.call('Bad', 'Luck', null))).toBeInstanceOf(NotToday);
    expect(await failure(both.client.call('Bad', 'Missing', null))).toMatchObject({ code: 'unimplemented', reason: 'UNKNOWN_METHOD' });
    expect(await failure(both.client.call('Missing', 'Luck', null))).toMatchObject({ code: 'unimplemented', reason: 'UNKNOWN_SERVICE' });
  });

  it('of a reply that does not decode is this call’s alone', async () => {
    const picky: Codec = { id: 9, name: 'picky', encode: (value, writer) => writer.appendUtf8(String(value)), decode: () => { throw new Error('illegible'); } };
    await using both = await pair((server) => server.registerFunction('Echo', 'It', () => 'x').handle('Echo', 'Raw', (message) => message), {
      client: { codecs: [picky, msgpack] },
      server: { codecs: [msgpack, { ...picky, decode: () => 'fine' }] },
    });
    expect(await failure(both.client.call('Echo', 'It', 1))).toMatchObject({ code: 'data_loss', reason: 'BAD_PAYLOAD' });
    expect(await both.client.service<{ It(input: number): Promise<string> }>('Echo', { codec: 'msgpack' }).It(1)).toBe('x');
    expect(both.client.stats().connections).toBe(1);
  });

  it('of an input that cannot be encoded says so before anything is sent', async () => {
    await using both = await pair((server) => server.registerFunction('Echo', 'It', (input: unknown) => input), { client: { codecs: [jsonCodec] } });
    await both.client.call('Echo', 'It', 1);
    const sent = both.client.stats().traffic.bytesWritten;
    expect(await failure(both.client.call('Echo', 'It', 10n))).toMatchObject({ code: 'invalid_argument', reason: 'BAD_PAYLOAD', sent: false });
    expect(both.client.stats().traffic.bytesWritten).toBe(sent);
    expect(await both.client.call('Echo', 'It', 2)).toBe(2);
  });
});

function reversed(): Codec {
  const back = (text: string): string => [...text].toReversed().join('');
  return {
    id: 9,
    name: 'reversed',
    encode: (value, writer) => writer.appendUtf8(back(JSON.stringify(value ?? null))),
    decode: (source, start, end) => JSON.parse(back(new TextDecoder().decode(source.subarray(start, end)))) as unknown,
  };
}
