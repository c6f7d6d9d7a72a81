import type { PayloadCodec } from '@rpcxjs/core';
import { describe, expect, it } from 'vitest';
import { msgpack, type MsgpackType } from '../src/index.ts';
import { decodings, goType, plain, vectors } from './go-types.ts';
import { decoded, encoded, hex, unhex } from './payload.ts';

function pairOf(type: MsgpackType<unknown>): PayloadCodec {
  return msgpack.compile?.(type) as PayloadCodec;
}

/** Go writes integers of a fixed size in full width; here they take the least. All else has one form. */
const widths = /^\*?(u?int(8|16|32|64)|time\.Duration|\[\].*int.*|map.*int.*|shapes\.(?!Args|Floats|Binary).*|\[\]interface.*)$/;

describe('A1: what Go wrote', () => {
  for (const { name, go, value, hex: payload } of vectors) {
    it(`reads ${name} without a type`, () => {
      expect(decoded(msgpack, unhex(payload))).toStrictEqual(plain(value));
      const pair = msgpack.compile?.(undefined) as PayloadCodec;
      for (let round = 0; round < 20; round++) expect(decoded(pair, unhex(payload))).toStrictEqual(plain(value));
    });

    it(`reads ${name} as ${go}, writes it, and reads that`, () => {
      const pair = pairOf(goType(go));
      for (let round = 0; round < 70; round++) {
        const read = decoded(pair, unhex(payload));
        expect(goType(go)['~standard'].validate(read)).toEqual({ value: read });
        const written = encoded(pair, read);
        if (!widths.test(go) && !name.startsWith('nil') && !name.endsWith('NaN')) expect(hex(written)).toBe(payload);
        else if (!name.startsWith('nil')) expect(written.length).toBeLessThanOrEqual(payload.length / 2);
        expect(decoded(pair, written)).toStrictEqual(read);
      }
    });
  }

  it('has Go\'s values and not only its own', () => {
    const find = (name: string): unknown => {
      const vector = vectors.find((one) => one.name === name);
      return vector && decoded(pairOf(goType(vector.go)), unhex(vector.hex));
    };
    expect(find('struct Embedded')).toStrictEqual({ ID: 1, Kind: 'k', Name: 'n' });
    expect(find('struct Renamed')).toStrictEqual({ fileName: 'a.txt', size: 5, JSONOnly: 'j' });
    expect(find('struct Renamed, omitted')).toStrictEqual({ fileName: 'a.txt', size: undefined, JSONOnly: '' });
    expect(find('struct Point as an array')).toStrictEqual({ X: 1, Y: -1 });
    expect(find('struct Nils of nil')).toStrictEqual({ PtrInt: null, PtrStr: null, Slice: null, Bytes: null, Map: null, Inner: null, Any: null });
    expect(find('struct Nested')).toMatchObject({ Matrix: [[1], [2, 3]], Ptrs: [null, { Name: 'z', N: 3 }], ByID: new Map([[5, 'five']]) });
    expect(find('nil []string')).toStrictEqual([]);
    expect(find('nil []byte')).toStrictEqual(new Uint8Array(0));
    expect(find('nil map')).toStrictEqual({});
    expect(find('struct Integers at their maximum')).toStrictEqual({
      I8: 127, I16: 32767, I32: 2147483647, I64: 9223372036854775807n, Int: 9223372036854775807n, U8: 255, U16: 65535, U32: 4294967295, U64: 18446744073709551615n, Uin: 18446744073709551615n,
    });
  });
});

/** Where reading differs from Go's on purpose: each of these rules is met, and nothing else. */
const differences: Readonly<Record<string, RegExp>> = {
  'Go wraps an integer that does not fit around, here it is refused': /^(fixint|u?int\d+) \S+ into (u?int\d*|time\.Duration|\*int64): refused, Go &?-?\d+/,
  'and it makes a negative float of a large uint64': /^uint64 2\^64-1 into float(32|64): refused, Go -1$/,
  'a whole float is an integer too': /^(float64 (5|-0) into (u?int\d*|\*int64|time\.Duration)|a float in an int field into shapes\.Args): read, Go msgpack: invalid code=cb/,
  'a float64 may be read as a float32': /^float64 \S+ into float32: read, Go msgpack: invalid code=cb/,
  'nil is the zero time': /^nil into time\.Time: read, Go msgpack: invalid code=c0/,
  'a time is a timestamp and no text or pair': /^(str of RFC 3339|array \[1, 2\]) into time\.Time: refused, Go \d/,
  'the length of a Go array is not declared': /^(str|bin) .* into \[4\]uint8: read, Go \[4\]uint8 len is 4/,
};

describe('what Go reads', () => {
  it('reads and refuses the same as Go, but for the listed differences', () => {
    const met = new Set<string>();
    for (const { name, into, hex: payload, sees, error } of decodings) {
      const pair = pairOf(goType(into));
      const verdict = verdictOn(pair, unhex(payload));
      // Go prints numbers and booleans as JavaScript does, as long as they are short.
      if (verdict === 'read' && /^(-?\d{1,15}|true|0\.[15])$/.test(sees ?? '')) expect(printed(decoded(pair, unhex(payload))), `${name} into ${into}`).toBe(sees);
      if ((verdict === 'read') === (error === undefined)) continue;
      const difference = `${name} into ${into}: ${verdict}, Go ${error ?? sees}`;
      const rule = Object.keys(differences).find((key) => differences[key]?.test(difference));
      expect(rule, difference).toBeDefined();
      met.add(rule ?? '');
    }
    expect([...met].sort()).toEqual(Object.keys(differences).sort());
  });
});

function printed(value: unknown): string {
  return Object.is(value, -0) ? '-0' : String(value);
}

function verdictOn(pair: PayloadCodec, payload: Uint8Array): 'read' | 'refused' {
  try {
    decoded(pair, payload);
    return 'read';
  } catch (thrown) {
    expect(thrown).toMatchObject({ code: 'invalid_argument', reason: 'BAD_PAYLOAD' });
    return 'refused';
  }
}
