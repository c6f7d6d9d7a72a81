import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ArrayWriter } from '../test/array-writer.ts';
import { RpcError } from './errors.ts';
import { jsonCodec } from './json-codec.ts';
import { utf8Bytes } from './utf8.ts';

function encode(value: unknown): string {
  const writer = new ArrayWriter();
  jsonCodec.encode(value, writer);
  return writer.text();
}
function decode(text: string | Uint8Array): unknown {
  const bytes = typeof text === 'string' ? utf8Bytes(text) : text;
  const larger = new Uint8Array(bytes.length + 6).fill(0x7b);
  larger.set(bytes, 3);
  return jsonCodec.decode(larger, 3, 3 + bytes.length);
}
function thrownBy(run: () => unknown): RpcError {
  try {
    run();
  } catch (error) {
    if (RpcError.is(error)) return error;
    throw error;
  }
  throw new Error('nothing was thrown');
}

describe('jsonCodec.encode', () => {
  it('has the number and name of rpcx', () => {
    expect([jsonCodec.id, jsonCodec.name]).toEqual([1, 'json']);
  });

  it('writes no value as null, because Go refuses an empty document', () => {
    expect(encode(undefined)).toBe('null');
    expect(encode(null)).toBe('null');
  });

  it('writes NaN and infinities as null', () => {
    expect(encode([Number.NaN, Infinity, -Infinity, -0])).toBe('[null,null,null,0]');
  });

  it('writes lone surrogates so that every decoder can read them', () => {
    expect(encode({ 'a\ud800': '\udc00' })).toBe(String.raw`{"a\ud800":"\udc00"}`);
  });

  const cyclic: { self?: unknown } = {};
  cyclic.self = cyclic;
  it.each<[string, unknown, RegExp]>([
    ['bigint', { id: 1n }, /BigInt/],
    ['a cycle', cyclic, /circular/],
    ['nesting that overflows the stack', JSON.parse(`${'['.repeat(200_000)}${']'.repeat(200_000)}`), /call stack/],
    ['a getter that throws', { get boom(): never { throw new Error('the getter'); } }, /the getter$/],
    ['a toJSON that throws undefined', { toJSON() { throw undefined; } }, /undefined$/],
    ['a toJSON that throws null', { toJSON() { throw null; } }, /null$/],
    ['a toJSON that throws what cannot be shown', { toJSON() { throw Object.create(null); } }, /cannot be shown$/],
  ])('refuses %s before anything is sent', (_name, value, said) => {
    const error = thrownBy(() => encode(value));
    expect(error).toMatchObject({ code: 'invalid_argument', reason: 'BAD_PAYLOAD', sent: false });
    expect(error.message).toMatch(/^the value cannot be written as JSON: /);
    expect(error.message).toMatch(said);
  });
});

describe('jsonCodec.decode', () => {
  it('reads what it wrote', () => {
    fc.assert(fc.property(fc.jsonValue({ maxDepth: 3 }), (value) => {
      expect(decode(encode(value))).toEqual(JSON.parse(JSON.stringify(value)));
    }));
  });

  it('reads an empty payload as no value', () => {
    expect(decode('')).toBe(undefined);
  });

  it.each(['', '  ', '{', '{"a":', '"a', '[1,]', 'nul', '{"a":1}x', '\ufeff1', '\u0000'].slice(1))('refuses %j', (text) => {
    const error = thrownBy(() => decode(text));
    expect(error).toMatchObject({ code: 'invalid_argument', reason: 'BAD_PAYLOAD' });
    expect(error.message).toContain(`the payload of ${utf8Bytes(text).length} bytes is no JSON`);
  });

  it('C1: keeps __proto__, constructor and prototype as own data at every depth', () => {
    const before = JSON.stringify(Object.getOwnPropertyNames(Object.prototype));
    const text = '{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}},"a":[{"__proto__":{"polluted":1}}]}';
    const value = decode(text) as { a: object[] };
    expect(Object.keys(value)).toEqual(['__proto__', 'constructor', 'a']);
    expect(Object.getPrototypeOf(value)).toBe(Object.prototype);
    expect(Object.getPrototypeOf(value.a[0])).toBe(Object.prototype);
    expect(Object.keys(value.a[0]!)).toEqual(['__proto__']);
    expect(({} as { polluted?: unknown }).polluted).toBe(undefined);
    expect(JSON.stringify(Object.getOwnPropertyNames(Object.prototype))).toBe(before);
    expect(encode(value)).toBe(text);
  });

  it('C3: revives nothing', () => {
    expect(decode('{"$type":"Date","then":"x","toJSON":1}')).toEqual({ $type: 'Date', then: 'x', toJSON: 1 });
  });

  it.each([['[', ']'], ['{"a":', '}'], ['[{"a":', '}]']])('takes 128 levels of %s and refuses one more', (open, close) => {
    const nested = (levels: number): string => {
      const step = open.startsWith('[{') ? 2 : 1;
      const full = Math.floor(levels / step);
      return `${open.repeat(full)}${levels % step === 1 ? '[]' : '1'}${close.repeat(full)}`;
    };
    expect(() => decode(nested(128))).not.toThrow();
    const error = thrownBy(() => decode(nested(129)));
    expect(error).toMatchObject({ code: 'invalid_argument', reason: 'BAD_PAYLOAD', message: 'the JSON payload nests deeper than 128 levels' });
    expect(thrownBy(() => decode(open.repeat(300_000))).message).toContain('nests deeper');
  });

  it('does not count brackets within strings, nor lists beside each other', () => {
    const text = JSON.stringify({ a: '['.repeat(500), b: `${'\\'.repeat(301)}"${'{'.repeat(500)}`, c: Array.from({ length: 500 }, () => [{}]) });
    expect(decode(text)).toEqual(JSON.parse(text));
  });

  it('counts the levels behind strings full of quotes and backslashes', () => {
    const strings = fc.array(fc.string({ unit: fc.constantFrom('"', '\\', '[', '{', ']', 'a') }), { minLength: 5, maxLength: 20 });
    fc.assert(fc.property(strings, fc.integer({ min: 100, max: 160 }), (texts, levels) => {
      const document = `[${JSON.stringify(texts)},${'['.repeat(levels - 1)}${']'.repeat(levels - 1)}]`;
      if (levels <= 128) expect(decode(document)).toEqual(JSON.parse(document));
      else expect(thrownBy(() => decode(document)).message).toContain('nests deeper');
    }));
  });

  it('puts U+FFFD for malformed UTF-8, as Go does', () => {
    expect(decode(Uint8Array.of(0x22, 0xff, 0x61, 0x22))).toBe('\ufffda');
  });

  it('throws nothing but BAD_PAYLOAD, whatever the bytes', () => {
    const document = utf8Bytes(JSON.stringify({ a: [1, 'two\n', { b: null }], c: '\u{1f600}' }));
    fc.assert(fc.property(fc.nat(document.length - 1), fc.nat(255), fc.nat(document.length), (at, byte, end) => {
      const changed = document.slice(0, end);
      if (at < end) changed[at] = byte;
      try {
        decode(changed);
      } catch (error) {
        expect(RpcError.is(error) && error.reason).toBe('BAD_PAYLOAD');
      }
    }), { numRuns: 3000 });
  });
});
