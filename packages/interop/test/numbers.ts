import { any, array, bytes, duration, float32, float64, int16, int32, int64, int8, map, nullable, optional, string, struct, time, uint16, uint32, uint64, uint8 } from '@rpcxjs/codec-msgpack';
import { contract, unary } from '@rpcxjs/core';

/** The structs of `go/shapes/numbers.go`. */
export const Integers = struct({ I8: int8, I16: int16, I32: int32, I64: int64, Int: int64, U8: uint8, U16: uint16, U32: uint32, U64: uint64, Uin: uint64 });
export const Floats = struct({ F32: float32, F64: float64 });
export const Times = struct({ At: time, For: duration, Maybe: nullable(time) });
export const Binary = struct({ Data: bytes, Fixed: bytes, Text: string });
export const Inner = struct({ Name: string, N: int64 });
export const Nils = struct({
  PtrInt: nullable(int64), PtrStr: nullable(string), Slice: nullable(array(int64)), Bytes: nullable(bytes), Map: nullable(map(string, int64)), Inner: nullable(Inner), Any: any,
});
export const Nested = struct({ Maps: map(string, map(string, int64)), Matrix: array(array(int32)), List: array(Inner), Ptrs: array(nullable(Inner)), ByID: map(int64, string) });
const Base = struct({ ID: int64, Kind: string });
export const Embedded = struct({ ...Base.fields, Name: string });
export const Renamed = struct({ FileName: string.as('file_name'), Size: optional(int64).as('size'), JSONOnly: string });
const Text = struct({ Text: string });

/** `Numbers` of `go/services/numbers.go`, with a wire type for everything. */
export const Numbers = contract('Numbers', {
  Integers: unary({ input: Integers, output: Integers }),
  Floats: unary({ input: Floats, output: Floats }),
  Times: unary({ input: Times, output: Times }),
  Binary: unary({ input: Binary, output: Binary }),
  Nils: unary({ input: Nils, output: Nils }),
  Nested: unary({ input: Nested, output: Nested }),
  Embedded: unary({ input: Embedded, output: Embedded }),
  Renamed: unary({ input: Renamed, output: Renamed }),
  DescribeIntegers: unary({ input: Integers, output: Text }),
  DescribeFloats: unary({ input: Floats, output: Text }),
  DescribeTimes: unary({ input: Times, output: Text }),
  DescribeBinary: unary({ input: Binary, output: Text }),
  DescribeNils: unary({ input: Nils, output: Text }),
  DescribeNested: unary({ input: Nested, output: Text }),
  DescribeEmbedded: unary({ input: Embedded, output: Text }),
  DescribeRenamed: unary({ input: Renamed, output: Text }),
});
