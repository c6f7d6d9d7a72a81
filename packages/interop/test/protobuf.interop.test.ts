import { afterAll, beforeAll, expect, it } from 'vitest';
import { create, equals, type MessageInitShape } from '@bufbuild/protobuf';
import { message, protobuf } from '@rpcxjs/codec-protobuf';
import { contract, unary } from '@rpcxjs/core';
import { createClient } from '@rpcxjs/client';
import { createServer } from '@rpcxjs/server';
import { tcp } from '@rpcxjs/transport-tcp';
import { type GoClient, type GoServer, startGoClient, startGoServer, startRecorder } from '../src/index.ts';
import { BenchmarkMessageSchema } from './generated/benchmark_pb.js';
import { SampleSchema } from './generated/sample_pb.js';
import { benchmarkText, filledBenchmark, Hello, Proto, ProtobufjsHello, ProtobufjsProto } from './protos.ts';
import { describeWithGo } from './with-go.ts';

const max = { f64: Number.MAX_VALUE, f32: 3.4028234663852886e38, i32: 2 ** 31 - 1, i64: 2n ** 63n - 1n, u32: 2 ** 32 - 1, u64: 2n ** 64n - 1n };
const samples = {
  empty: {},
  limits: { ...max, s32: -(2 ** 31), s64: -(2n ** 63n), x32: max.u32, x64: max.u64, sx32: -(2 ** 31), sx64: -(2n ** 63n), flag: true },
  'above 2^53': { i64: 2n ** 53n + 1n, u64: 2n ** 53n + 1n, s64: -(2n ** 53n) - 1n },
  'not numbers': { f64: NaN, f32: -Infinity },
  'texts, bytes, lists, maps': {
    text: '服务🚀', blob: new Uint8Array([0, 255]), color: -1, inner: { name: 'x', value: -5n }, packed: [1, -1, 300], words: ['', 'a'], inners: [{}, { name: 'y' }],
    counts: { a: 1n, b: -1n }, byId: { [-1]: { name: 'z' }, 7: {} },
  },
  'one of': { choice: { case: 'choiceNumber', value: 0n } as const },
  'explicit zero': { maybe: 0 },
};

describeWithGo('protobuf', () => {
  let goServer: GoServer;
  let goClient: GoClient;
  beforeAll(async () => { [goServer, goClient] = await Promise.all([startGoServer(), startGoClient()]); });
  afterAll(async () => { await Promise.all([goServer.process.stop(), goClient.process.stop()]); });

  it.each(Object.entries(samples))('a Go server gives back what @bufbuild/protobuf sent: %s', async (_, init) => {
    await using client = createClient({ servers: goServer.address, transports: [tcp()], codecs: [protobuf] });
    const sent = create(SampleSchema, init);
    const got = await client.service(Proto).Echo(sent);
    expect(got).toEqual(sent);
    expect(equals(SampleSchema, got, sent) || Number.isNaN(got.f64)).toBe(true);
  });

  it('rpcx\'s benchmark message makes 581 bytes and comes back filled, with the types of both libraries', async () => {
    await using recorder = await startRecorder(goServer.address);
    await using client = createClient({ servers: recorder.address, transports: [tcp()], codecs: [protobuf] });
    const filled = create(BenchmarkMessageSchema, filledBenchmark(BigInt) as MessageInitShape<typeof BenchmarkMessageSchema>);
    expect(await client.service(Hello).Say(filled)).toEqual({ ...filled, field1: 'OK', field2: 100 });
    const reply = await client.service(ProtobufjsHello).Say(filledBenchmark(Number)) as Record<string, unknown>;
    expect(reply).toMatchObject({ field1: 'OK', field2: 100, field129: benchmarkText, field280: 100_000 });
    const says = recorder.sent().filter(({ method }) => method === 'Say');
    expect(says.map(({ payload, serialize }) => [payload.length, serialize])).toEqual([[581, 2], [581, 2]]);
    expect(says[1]!.payload).toEqual(says[0]!.payload);
  });

  it('an empty message is no payload, and an empty reply is an empty message', async () => {
    await using client = createClient({ servers: goServer.address, transports: [tcp()], codecs: [protobuf] });
    expect(await client.service(Proto).Mul({ a: 0, b: 5 })).toMatchObject({ c: 0 });
    expect(await client.service(Proto).Mul({})).toMatchObject({ c: 0 });
    expect(await client.service(ProtobufjsProto).Mul({ a: 6, b: 7 })).toMatchObject({ c: 42 });
  });

  it('a value that does not fit its field is refused before anything is sent', async () => {
    await using recorder = await startRecorder(goServer.address);
    await using client = createClient({ servers: recorder.address, transports: [tcp()], codecs: [protobuf] });
    for (const wrong of [{ a: 2 ** 31 }, { a: 1.5 }, { a: 'x' as never }, { b: NaN }]) {
      await expect(client.service(Proto).Mul(wrong)).rejects.toMatchObject({ code: 'invalid_argument', reason: 'BAD_PAYLOAD', sent: false });
    }
    await client.service(Proto).Mul({ a: 1, b: 1 });
    expect(recorder.sent().filter(({ method }) => method === 'Mul')).toHaveLength(1);
  });

  it('a Go client calls a TypeScript server', async () => {
    await using server = createServer({ transports: [tcp()], codecs: [protobuf] });
    server.register(Proto, { Mul: ({ a, b }) => ({ c: a * b }), Echo: (sample) => sample });
    server.register(Hello, { Say: (filled) => ({ ...filled, field1: 'OK', field2: 100 }) });
    const [address = ''] = await server.listen('tcp@127.0.0.1:0');
    const connection = await goClient.connect({ servers: [address], serialize: 2 });
    expect(await connection.call('Proto', 'Mul', { shape: 'ArithArgs', args: { a: -6, b: 7 }, reply: 'ArithReply' })).toMatchObject({ value: { c: -42 } });
    const args = { text: '服务', blob: 'AP8=', i64: '9007199254740993', u64: '18446744073709551615', inner: { value: '-5' }, counts: { a: '-1' }, byId: { 7: { name: 'z' } }, packed: [1, -1], maybe: 0, choiceText: '' };
    expect((await connection.call('Proto', 'Echo', { shape: 'Sample', args, reply: 'Sample' })).value).toEqual(args);
    const filled = await connection.call('Hello', 'Say', { shape: 'filledBenchmark', reply: 'BenchmarkMessage' });
    expect(filled.value).toMatchObject({ field1: 'OK', field2: 100, field22: '100000', field129: benchmarkText });
    expect(Object.keys(filled.value as object)).toHaveLength(39);
    await connection.close();
  });

  it('a payload that is no such message is an error of that call', async () => {
    await using server = createServer({ transports: [tcp()], codecs: [protobuf] });
    server.register(contract('Proto', { Echo: unary({ input: message(SampleSchema), output: message(SampleSchema) }) }), { Echo: (sample) => sample });
    const [address = ''] = await server.listen('tcp@127.0.0.1:0');
    const connection = await goClient.connect({ servers: [address], serialize: 2 });
    expect(await connection.raw('Proto', 'Echo', { seq: 5n, serialize: 2, argsHex: '72ff' })).toMatchObject({ error: expect.stringContaining('Sample') });
    expect(await connection.raw('Proto', 'Echo', { seq: 6n, serialize: 2, argsHex: '720161' })).toMatchObject({ hex: '720161' });
    await connection.close();
  });
});
