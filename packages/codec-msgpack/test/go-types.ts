import { readFileSync } from 'node:fs';
import {
  any, array, bool, bytes, duration, float32, float64, int16, int32, int64, int8, map, type MsgpackType, nullable, optional, string, struct, time, Timestamp, uint16, uint32, uint64, uint8,
} from '../src/index.ts';

const inner = struct({ Name: string, N: int64 });
const base = struct({ ID: int64, Kind: string });

/** The wire types of the Go types in the fixtures, by Go's name. Structs stand under what `*` points to. */
export const goTypes: Readonly<Record<string, MsgpackType<unknown>>> = {
  bool, int8, int16, int32, int64, int: int64, uint8, uint16, uint32, uint64, uint: uint64, float32, float64, string,
  nil: nullable(any),
  '[]uint8': bytes, '[3]uint8': bytes, '[4]uint8': bytes, 'time.Time': time, 'time.Duration': duration,
  '[]int64': array(int64), '[]int32': array(int32), '[]string': array(string), '[]float32': array(float32), '[]interface {}': array(any), '[][]int32': array(array(int32)),
  'map[string]string': map(string, string), 'map[string]int64': map(string, int64), 'map[int64]string': map(int64, string),
  'map[string]map[string]int64': map(string, map(string, int64)),
  'interface {}': any, '*int64': nullable(int64),
  'shapes.Inner': inner,
  'shapes.Args': struct({ A: int64, B: int64 }),
  'shapes.Integers': struct({ I8: int8, I16: int16, I32: int32, I64: int64, Int: int64, U8: uint8, U16: uint16, U32: uint32, U64: uint64, Uin: uint64 }),
  'shapes.Floats': struct({ F32: float32, F64: float64 }),
  'shapes.Times': struct({ At: time, For: duration, Maybe: nullable(time) }),
  'shapes.Binary': struct({ Data: bytes, Fixed: bytes, Text: string }),
  'shapes.Nils': struct({
    PtrInt: nullable(int64), PtrStr: nullable(string), Slice: nullable(array(int64)), Bytes: nullable(bytes), Map: nullable(map(string, int64)), Inner: nullable(inner), Any: any,
  }),
  'shapes.Nested': struct({
    Maps: map(string, map(string, int64)), Matrix: array(nullable(array(int32))), List: array(inner), Ptrs: array(nullable(inner)), ByID: map(int64, string),
  }),
  'shapes.Embedded': struct({ ...base.fields, Name: string }),
  'shapes.Renamed': struct({ fileName: string.as('file_name'), size: optional(int64).as('size'), JSONOnly: string }),
  'shapes.Point': struct({ X: int32, Y: int32 }),
  'shapes.Anything': struct({ V: any }),
};

export function goType(name: string): MsgpackType<unknown> {
  const type = goTypes[name.replace(/^\*(?=shapes)/, '')];
  if (type === undefined) throw new Error(`no wire type for Go's ${name}`);
  return type;
}

type Tagged = Readonly<Record<string, never>>;
export interface Vector {
  readonly name: string;
  readonly go: string;
  readonly value: Tagged;
  readonly hex: string;
}
export interface Decoding {
  readonly name: string;
  readonly into: string;
  readonly hex: string;
  readonly sees?: string;
  readonly error?: string;
}

function vectorsOf<T>(file: string): readonly T[] {
  return (JSON.parse(readFileSync(new URL(`./fixtures/${file}`, import.meta.url), 'utf8')) as { readonly vectors: readonly T[] }).vectors;
}
/** What Go wrote. */
export const vectors: readonly Vector[] = vectorsOf('golden-msgpack.json');
/** What Go reads. */
export const decodings: readonly Decoding[] = vectorsOf('golden-msgpack-decode.json');

/** The plain value that a fixture's words stand for. */
export function plain(tagged: Tagged): unknown {
  const [[kind, value]] = Object.entries(tagged) as unknown as [[string, unknown]];
  switch (kind) {
    case 'nil': return null;
    case 'int': return whole(value as string);
    case 'f32': case 'f64': return Number(value);
    case 'bytes': return new Uint8Array(Buffer.from(value as string, 'hex'));
    case 'time': {
      const [seconds, nanoseconds] = (value as [string, string]).map(Number) as [number, number];
      return nanoseconds % 1e6 === 0 ? new Date(seconds * 1000 + nanoseconds / 1e6) : new Timestamp(seconds, nanoseconds);
    }
    case 'array': return (value as Tagged[]).map(plain);
    case 'map': return Object.fromEntries((value as [Tagged, Tagged][]).map(([key, entry]) => [String(plain(key)), plain(entry)]));
    default: return value;
  }
}

const units: Readonly<Record<string, bigint>> = { h: 3_600_000_000_000n, m: 60_000_000_000n, s: 1_000_000_000n, ms: 1_000_000n, 'µs': 1000n, ns: 1n };

/** A number when it is safe; durations are in Go's notation. */
function whole(text: string): number | bigint {
  let value = 0n;
  if (/^-?\d+$/.test(text)) value = BigInt(text);
  else {
    for (const [, digits = '', fraction = '', unit = ''] of text.matchAll(/(\d+)(?:\.(\d+))?(h|ms|m|µs|ns|s)/g)) {
      const size = units[unit] ?? 0n;
      value += BigInt(digits) * size + (fraction === '' ? 0n : BigInt(fraction) * size / 10n ** BigInt(fraction.length));
    }
    if (text.startsWith('-')) value = -value;
  }
  return Number.isSafeInteger(Number(value)) ? Number(value) : value;
}
