import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type MsgpackType, msgpack, Timestamp } from '@rpcxjs/codec-msgpack';
import type { SchemaOut } from '@rpcxjs/core';
import { type Client, createClient } from '@rpcxjs/client';
import { createServer } from '@rpcxjs/server';
import { tcp } from '@rpcxjs/transport-tcp';
import { type GoClient, type GoServer, type Recorder, startGoClient, startGoServer, startRecorder } from '../src/index.ts';
import { type Binary, type Embedded, type Floats, type Integers, type Nested, type Nils, Numbers, type Renamed, type Times } from './numbers.ts';
import { describeWithGo } from './with-go.ts';

type Value<T extends MsgpackType<unknown>> = SchemaOut<T>;
const zero: Value<typeof Integers> = { I8: 0, I16: 0, I32: 0, I64: 0, Int: 0, U8: 0, U16: 0, U32: 0, U64: 0, Uin: 0 };
const i64 = { low: -(2n ** 63n), high: 2n ** 63n - 1n };
const integers: readonly Value<typeof Integers>[] = [
  zero,
  { ...zero, I8: -128, I16: -(2 ** 15), I32: -(2 ** 31), I64: i64.low, Int: i64.low },
  { I8: 127, I16: 2 ** 15 - 1, I32: 2 ** 31 - 1, I64: i64.high, Int: i64.high, U8: 255, U16: 65_535, U32: 2 ** 32 - 1, U64: 2n ** 64n - 1n, Uin: 2n ** 64n - 1n },
  { ...zero, I64: Number.MAX_SAFE_INTEGER, Int: Number.MIN_SAFE_INTEGER, U64: Number.MAX_SAFE_INTEGER },
  { ...zero, I64: 2n ** 53n, Int: 2n ** 53n + 1n, U64: 2n ** 53n, Uin: 2n ** 53n + 1n },
  { ...zero, I64: -(2n ** 53n), Int: -(2n ** 53n) - 1n },
  { ...zero, I64: Date.now(), Int: -Date.now(), U64: Date.now() },
  { ...zero, I8: -33, I16: -129, I32: -32_769, I64: -(2 ** 31) - 1, U8: 128, U16: 256, U32: 65_536, U64: 2 ** 32 },
];
const floats: readonly [Value<typeof Floats>, string][] = [
  [{ F32: 0.5, F64: 0.1 }, 'F32=0.5 F64=0.1'],
  [{ F32: 5, F64: 5 }, 'F32=5 F64=5'],
  [{ F32: -0, F64: -0 }, 'F32=-0 F64=-0'],
  [{ F32: NaN, F64: NaN }, 'F32=NaN F64=NaN'],
  [{ F32: Infinity, F64: -Infinity }, 'F32=+Inf F64=-Inf'],
  [{ F32: 16_777_216, F64: 2 ** 53 }, 'F32=1.6777216e+07 F64=9.007199254740992e+15'],
  [{ F32: Math.fround(3.4e38), F64: Number.MAX_VALUE }, 'F32=3.4e+38 F64=1.7976931348623157e+308'],
  [{ F32: Math.fround(1e-45), F64: Number.MIN_VALUE }, 'F32=1e-45 F64=5e-324'],
  [{ F32: Math.fround(0.1), F64: 1e21 }, 'F32=0.1 F64=1e+21'],
];
const times: readonly [Value<typeof Times>, string][] = [
  [{ At: new Date(0), For: 0, Maybe: null }, 'At=1970-01-01T00:00:00Z For=0s Maybe=nil'],
  [{ At: new Date(1_763_683_200_123), For: 1_500_000_000, Maybe: new Date(-1) }, 'At=2025-11-21T00:00:00.123Z For=1.5s Maybe=&1969-12-31T23:59:59.999Z'],
  [{ At: new Timestamp(1_700_000_000, 123_456_789), For: i64.high, Maybe: new Timestamp(2 ** 34, 1) }, 'At=2023-11-14T22:13:20.123456789Z For=2562047h47m16.854775807s Maybe=&2514-05-30T01:53:04.000000001Z'],
  [{ At: new Date('0001-01-01T00:00:00Z'), For: -1, Maybe: new Date('9999-12-31T23:59:59.999Z') }, 'At=0001-01-01T00:00:00Z For=-1ns Maybe=&9999-12-31T23:59:59.999Z'],
];
const binaries: readonly [Value<typeof Binary>, string][] = [
  [{ Data: new Uint8Array([0, 255]), Fixed: new Uint8Array([1, 2, 3, 4]), Text: '服务🚀\u0000' }, 'Data=0x00ff Fixed=0x01020304 Text="服务🚀\\x00"'],
  [{ Data: new Uint8Array(70_000).fill(7), Fixed: new Uint8Array(4), Text: '' }, `Data=0x${'07'.repeat(70_000)} Fixed=0x00000000 Text=""`],
];
const nils: readonly [Value<typeof Nils>, string][] = [
  [{ PtrInt: null, PtrStr: null, Slice: null, Bytes: null, Map: null, Inner: null, Any: null }, 'PtrInt=nil PtrStr=nil Slice=nil Bytes=nil Map=nil Inner=nil Any=nil'],
  [{ PtrInt: 0, PtrStr: '', Slice: [], Bytes: new Uint8Array(0), Map: {}, Inner: { Name: '', N: 0 }, Any: 5 }, 'PtrInt=&0 PtrStr=&"" Slice=[] Bytes=0x Map={} Inner=&Name="" N=0 Any=int8(5)'],
  [{ PtrInt: i64.high, PtrStr: 'x', Slice: [1, i64.low], Bytes: new Uint8Array([9]), Map: { a: 1, b: i64.high }, Inner: { Name: 'n', N: -1 }, Any: ['a', true, null] },
    'PtrInt=&9223372036854775807 PtrStr=&"x" Slice=[1 -9223372036854775808] Bytes=0x09 Map={"a":1, "b":9223372036854775807} Inner=&Name="n" N=-1 Any=[]interface {}([string("a") bool(true) nil])'],
];
const nested: readonly [Value<typeof Nested>, string][] = [
  [{ Maps: { a: { b: 1, c: i64.high }, '': {} }, Matrix: [[1, -1], [], [2 ** 31 - 1]], List: [{ Name: 'x', N: 1 }, { Name: 'y', N: i64.low }], Ptrs: [null, { Name: 'z', N: 3 }], ByID: new Map<number | bigint, string>([[5, 'five'], [i64.low, 'low']]) },
    'Maps={"":{}, "a":{"b":1, "c":9223372036854775807}} Matrix=[[1 -1] [] [2147483647]] List=[(Name="x" N=1) (Name="y" N=-9223372036854775808)] Ptrs=[nil &Name="z" N=3] ByID={-9223372036854775808:"low", 5:"five"}'],
];
const embedded: readonly [Value<typeof Embedded>, string][] = [[{ ID: 2n ** 60n, Kind: 'k', Name: 'n' }, 'Base=ID=1152921504606846976 Kind="k" Name="n"']];
const renamed: readonly [Value<typeof Renamed>, string][] = [
  [{ FileName: 'a.txt', Size: 5, JSONOnly: 'j' }, 'FileName="a.txt" Size=5 Hidden="" JSONOnly="j"'],
  [{ FileName: 'a.txt', JSONOnly: '' }, 'FileName="a.txt" Size=0 Hidden="" JSONOnly=""'],
];

describeWithGo('A5: numbers and values', () => {
  let server: GoServer;
  let goClient: GoClient;
  let recorder: Recorder;
  let client: Client;
  beforeAll(async () => {
    [server, goClient] = await Promise.all([startGoServer(), startGoClient()]);
    recorder = await startRecorder(server.address);
  });
  afterAll(async () => { await Promise.all([recorder[Symbol.asyncDispose](), server.process.stop(), goClient.process.stop()]); });
  const exact = (title: string, test: () => Promise<void>): void => {
    it(title, async () => {
      client = createClient({ servers: recorder.address, transports: [tcp()], codecs: [msgpack] });
      try {
        await test();
      } finally {
        await client.close();
      }
    });
  };

  exact('integers: JS → Go → JS is exact with wire types, up to the limits', async () => {
    const numbers = client.service(Numbers);
    for (const value of integers) {
      expect((await numbers.DescribeIntegers(value)).Text).toBe(Object.entries(value).map(([name, n]) => `${name}=${n}`).join(' '));
      expect(await numbers.Integers(value)).toEqual(value);
    }
  });

  exact('floats: whole ones, -0, NaN and the infinities too', async () => {
    const numbers = client.service(Numbers);
    for (const [value, text] of floats) {
      expect((await numbers.DescribeFloats(value)).Text).toBe(text);
      expect(await numbers.Floats(value)).toEqual(value);
    }
  });

  exact('times keep their nanoseconds, durations theirs', async () => {
    const numbers = client.service(Numbers);
    const digits = (date: Date | null): number | undefined => (date instanceof Timestamp ? date.nanoseconds : undefined);
    for (const [value, text] of times) {
      expect((await numbers.DescribeTimes(value)).Text).toBe(text);
      const back = await numbers.Times(value);
      expect(back).toEqual(value);
      expect([digits(back.At), digits(back.Maybe)]).toEqual([digits(value.At), digits(value.Maybe)]);
    }
  });

  exact('bytes, nil, nested maps and slices, embedded structs, renamed fields', async () => {
    const numbers = client.service(Numbers);
    const roundTrips = async <T>(cases: readonly [T, string][], echo: (value: T) => Promise<T>, describe: (value: T) => Promise<{ Text: string }>): Promise<void> => {
      for (const [value, text] of cases) {
        expect((await describe(value)).Text).toBe(text);
        expect(await echo(value)).toEqual(value);
      }
    };
    await roundTrips(binaries, numbers.Binary, numbers.DescribeBinary);
    await roundTrips(nils, numbers.Nils, numbers.DescribeNils);
    await roundTrips(nested, numbers.Nested, numbers.DescribeNested);
    await roundTrips(embedded, numbers.Embedded, numbers.DescribeEmbedded);
    await roundTrips(renamed, numbers.Renamed, numbers.DescribeRenamed);
  });

  exact('what does not fit is refused with the field\'s name, and nothing is sent', async () => {
    const numbers = client.service(Numbers);
    await numbers.Integers(zero);
    const before = recorder.sent().length;
    const wrong: readonly [keyof typeof zero, unknown][] = [
      ['I8', 128], ['I8', -129], ['I16', 32_768], ['I32', 2 ** 31], ['I64', 2 ** 53], ['I64', 2n ** 63n], ['Int', -(2n ** 63n) - 1n], ['U8', -1], ['U8', 256], ['U16', 65_536], ['U32', 2 ** 32],
      ['U64', -1], ['U64', 2 ** 53], ['U64', 2n ** 64n], ['Uin', -1n], ['I32', 1.5], ['I64', NaN], ['U64', Infinity], ['I8', '5'], ['I8', true], ['I8', null], ['I8', undefined], ['I64', new Date()],
    ];
    for (const [field, value] of wrong) {
      await expect(numbers.Integers({ ...zero, [field]: value }), `${field} ${String(value)}`).rejects.toMatchObject({ code: 'invalid_argument', reason: 'BAD_PAYLOAD', sent: false, message: expect.stringContaining(field) });
    }
    await expect(numbers.Floats({ F32: 0.1, F64: 0 })).rejects.toMatchObject({ reason: 'BAD_PAYLOAD', sent: false, message: expect.stringContaining('F32') });
    await expect(numbers.Times({ At: new Date(NaN), For: 0, Maybe: null })).rejects.toMatchObject({ reason: 'BAD_PAYLOAD', sent: false, message: expect.stringContaining('At') });
    await expect(numbers.Binary({ Data: 'x' as never, Fixed: new Uint8Array(4), Text: '' })).rejects.toMatchObject({ reason: 'BAD_PAYLOAD', sent: false, message: expect.stringContaining('Data') });
    await expect(numbers.Nested({ Maps: {}, Matrix: [[0, 2 ** 31]], List: [], Ptrs: [], ByID: new Map() })).rejects.toMatchObject({ reason: 'BAD_PAYLOAD', sent: false, message: expect.stringMatching(/Matrix.*0.*1/) });
    expect(recorder.sent()).toHaveLength(before);
    expect(client.stats().connections).toBe(1);
  });

  exact('without wire types a number that is read is never rounded: beyond 2^53 it is a bigint', async () => {
    const sent = { I64: i64.high, Int: 2n ** 53n + 1n, U64: 2n ** 64n - 1n, Uin: 2 ** 40 };
    expect(await client.call('Numbers', 'Integers', sent)).toEqual({ ...zero, ...sent });
  });

  exact('a method that is called by name and by its contract has its wire types in the contract only', async () => {
    expect(await client.call('Numbers', 'Integers', { I8: 5 })).toMatchObject({ I8: 5 });
    await expect(client.oneway(Numbers.methods.Integers, { ...zero, I8: 300 })).rejects.toMatchObject({ reason: 'BAD_PAYLOAD', sent: false });
    await client.oneway(Numbers.methods.Integers, zero);
    expect(await client.call('Numbers', 'Integers', { I8: 6 })).toMatchObject({ I8: 6 });
  });

  it('Go → JS → Go is exact with wire types', async () => {
    await using typescript = createServer({ transports: [tcp()], codecs: [msgpack] });
    const same = <T>(value: T): T => value;
    const told = () => ({ Text: '' });
    typescript.register(Numbers, {
      Integers: same, Floats: same, Times: same, Binary: same, Nils: same, Nested: same, Embedded: same, Renamed: same, DescribeIntegers: told, DescribeFloats: told, DescribeTimes: told,
      DescribeBinary: told, DescribeNils: told, DescribeNested: told, DescribeEmbedded: told, DescribeRenamed: told,
    });
    const [address = ''] = await typescript.listen('tcp@127.0.0.1:0');
    const [ours, theirs] = await Promise.all([goClient.connect({ servers: [address] }), goClient.connect({ servers: [server.address] })]);
    const fixture = new URL('../../codec-msgpack/test/fixtures/golden-msgpack.json', import.meta.url);
    const { vectors } = JSON.parse(readFileSync(fixture, 'utf8')) as { vectors: { name: string; go: string; hex: string }[] };
    const structs = vectors.filter(({ name, go }) => name.startsWith('struct ') && Object.hasOwn(Numbers.methods, go.replace('*shapes.', '')));
    expect(structs.length).toBeGreaterThan(10);
    for (const { name, go, hex } of [...structs, { name: 'NaN and -0', go: '*shapes.Floats', hex: '82a3463332ca7fc00000a3463634cb8000000000000000' }]) {
      const shape = go.replace('*shapes.', '');
      const call = { shape, argsHex: hex, reply: shape };
      const [through, direct] = await Promise.all([ours.call('Numbers', shape, call), theirs.call('Numbers', shape, call)]);
      expect(direct.error, name).toBeUndefined();
      expect(through, name).toEqual({ ...direct, id: expect.anything() });
    }
    await Promise.all([ours.close(), theirs.close()]);
  });
});
