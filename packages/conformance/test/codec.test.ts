import { bytesCodec, jsonCodec } from '@rpcxjs/core';
import type { ByteWriter, Codec } from '@rpcxjs/core';
import { describe, expect, it } from 'vitest';
import { codecCases, countCases } from '../src/index.ts';
import type { CodecCasesOptions, CodecSample } from '../src/index.ts';

const cycle: Record<string, unknown> = {};
cycle['self'] = cycle;

const jsonSamples: CodecSample[] = [
  { name: 'an object', value: { a: 1, text: 'naïve 漢字 😀', list: [1, 2.5, -3, null, true], inner: { deep: { deeper: '' } } } },
  { name: 'a string', value: 'plain' },
  { name: 'numbers at the borders', value: [0, 2 ** 53 - 1, -(2 ** 53 - 1), 1e308, 5e-324] },
  { name: 'false', value: false },
  { name: 'null', value: null },
  { name: 'no value', value: undefined, becomes: null },
  { name: 'NaN', value: Number.NaN, becomes: null },
];
const json: CodecCasesOptions = {
  codec: jsonCodec,
  samples: jsonSamples,
  refused: [{ name: 'a cycle', value: cycle }, { name: 'a bigint', value: 1n }],
  nestedPayload: (depth) => new TextEncoder().encode('['.repeat(depth) + ']'.repeat(depth)),
};
const bytes: CodecCasesOptions = {
  codec: bytesCodec,
  samples: [{ name: 'bytes', value: Uint8Array.of(1, 2, 3, 255) }, { name: 'many bytes', value: new Uint8Array(40_000).fill(9) }, { name: 'no value', value: undefined, becomes: new Uint8Array(0) }],
  refused: [{ name: 'text', value: 'text' }, { name: 'an object', value: {} }, { name: 'null', value: null }],
};

for (const options of [json, bytes]) for (const one of codecCases(options)) it(one.name, one.run);

it('counts what a codec opted out of', () => {
  expect(countCases(codecCases(bytes)).skippedNames).toEqual([
    'codec bytes: writes one value while it writes another', 'codec bytes: survives 200 000 levels inside each other',
  ]);
});

/** The names of the cases that fail, with what they say. */
async function failures(broken: Partial<Codec>, options: CodecCasesOptions = json): Promise<string[]> {
  const codec: Codec = { ...options.codec, ...broken };
  const found: string[] = [];
  for (const one of codecCases({ ...options, codec })) {
    await one.run().catch((error: Error) => found.push(`${one.name.replace(/^codec \w+: /, '')} ⟶ ${error.name}: ${error.message}`));
  }
  return found;
}

const encoder = new TextEncoder();

describe('a codec that breaks a rule fails the case of that rule', () => {
  it('an id outside of four bits', async () => {
    expect(await failures({ id: 16 })).toEqual([expect.stringMatching(/^has an id .* its id is 16/)]);
  });

  it('an encode that is asynchronous', async () => {
    const encode: unknown = async (value: unknown, writer: ByteWriter): Promise<void> => jsonCodec.encode(value, writer);
    expect(await failures({ encode: encode as Codec['encode'] })).toContainEqual(expect.stringMatching(/^carries an object .* encode\(\) returned a promise/));
  });

  it('a decode that is asynchronous, whose rejection nobody else has to catch', async () => {
    const decode = (() => Promise.reject(new Error('late'))) as Codec['decode'];
    expect(await failures({ decode })).toContainEqual(expect.stringMatching(/^carries an object .* decode\(\) returned a promise/));
  });

  it('one buffer for all values that are being written', async () => {
    const shared: string[] = [];
    const encode = (value: unknown, writer: ByteWriter): void => {
      shared.length = 0;
      // Piece by piece, as codecs write; a getter that writes empties it meanwhile.
      if (typeof value !== 'object' || value === null || Array.isArray(value)) shared.push(JSON.stringify(value) ?? 'null');
      else for (const key of Object.keys(value)) shared.push(shared.length === 0 ? '{' : ',', JSON.stringify(key), ':', JSON.stringify((value as Record<string, unknown>)[key]));
      writer.append(encoder.encode(`${shared.join('')}${shared[0] === '{' ? '}' : ''}`));
    };
    expect(await failures({ encode })).toContainEqual(expect.stringMatching(/^writes one value while it writes another .* ConformanceError: .* once for each level/));
  });

  it('a value that comes back changed', async () => {
    const found = await failures({ decode: (source, start, end) => JSON.parse(new TextDecoder().decode(source.slice(start, end)).replace('2.5', '3')) as unknown });
    expect(found).toContainEqual(expect.stringMatching(/^carries an object ⟶ ConformanceError: .*instead of/));
  });

  it('a value that comes back changed only after a thousand rounds', async () => {
    let rounds = 0;
    const found = await failures({ decode: (source, start, end) => {
      const value = jsonCodec.decode(source, start, end);
      return typeof value === 'string' && ++rounds > 1000 ? `${value}!` : value;
    } });
    expect(found).toContainEqual(expect.stringMatching(/^carries a string .*\(round 1001\)/));
  });

  it('memory of the writer that is kept across reserve()', async () => {
    const encode = (value: unknown, writer: ByteWriter): void => {
      const text = encoder.encode(JSON.stringify(value) ?? 'null');
      const { bytes: stale } = writer;
      writer.reserve(text.length);
      stale.set(text.subarray(0, Math.max(0, stale.length - writer.offset)), writer.offset);
      writer.offset += text.length;
    };
    const found = await failures({ encode });
    expect(found).toContainEqual(expect.stringMatching(/^writes an object behind .* must be read again after reserve/));
  });

  it('an offset that is taken for zero', async () => {
    const encode = (value: unknown, writer: ByteWriter): void => {
      const text = encoder.encode(JSON.stringify(value) ?? 'null');
      writer.reserve(text.length);
      writer.bytes.set(text.subarray(0, writer.bytes.length), 0);
      writer.offset += text.length;
    };
    expect(await failures({ encode })).toContainEqual(expect.stringMatching(/^writes an object behind .* in front of writer\.offset/));
  });

  it('reading beyond the end', async () => {
    const found = await failures({ decode: (source, start) => jsonCodec.decode(source, start, source.length) });
    expect(found).toContainEqual(expect.stringMatching(/^reads an object from the middle/));
  });

  it('keeping a view of the buffer', async () => {
    const found = await failures({ decode: (source, start, end) => source.subarray(start, end) }, bytes);
    expect(found).toContainEqual(expect.stringMatching(/^reads bytes from the middle .* must be copied/));
    expect(found.every((text) => text.startsWith('reads '))).toBe(true);
  });

  it('errors of its own kind', async () => {
    const found = await failures({ decode: (source, start, end) => JSON.parse(new TextDecoder().decode(source.slice(start, end))) as unknown });
    expect(found).toContainEqual(expect.stringMatching(/^answers an object cut short .* threw .*SyntaxError/));
    expect(found).toContainEqual(expect.stringMatching(/^answers bytes that are no payload/));
  });

  it('a getter whose error comes through', async () => {
    const found = await failures({ encode: (value, writer) => writer.append(encoder.encode(JSON.stringify(value) ?? 'null')) });
    expect(found).toContainEqual(expect.stringMatching(/^answers an object whose getter throws .*planted by the conformance kit/));
    expect(found).toContainEqual(expect.stringMatching(/^refuses a cycle/));
  });

  it('encoding what it must refuse', async () => {
    const found = await failures({ encode: (value, writer) => {
      jsonCodec.encode(typeof value === 'bigint' ? Number(value) : value, writer);
    } });
    expect(found).toEqual([expect.stringMatching(/^refuses a bigint .* must be refused/)]);
  });

  it('a cut payload that passes for a whole one, where the codec says that it notices', async () => {
    const lenient = (source: Uint8Array, start: number, end: number): unknown => {
      try {
        return jsonCodec.decode(source, start, end);
      } catch {
        return {};
      }
    };
    expect(await failures({ decode: lenient })).toEqual([]);
    const found = await failures({ decode: lenient }, { ...json, samples: jsonSamples.slice(0, 1), supports: { detectsTruncation: true } });
    expect(found).toEqual([expect.stringMatching(/^answers an object cut short with BAD_PAYLOAD .* taken for a whole payload/)]);
  });

  it('one writer for the whole module', async () => {
    let current: ByteWriter | undefined;
    const found = await failures({ encode: (value, writer) => {
      current = writer;
      if (typeof value !== 'object' || value === null || Array.isArray(value) || value === cycle || 'value' in value) {
        jsonCodec.encode(value, writer);
        return;
      }
      let separator = '{';
      for (const [key] of Object.entries(Object.getOwnPropertyDescriptors(value))) {
        const member = JSON.stringify((value as Record<string, unknown>)[key]);
        current.appendUtf8(`${separator}${JSON.stringify(key)}:${member}`);
        separator = ',';
      }
      current.appendUtf8('}');
    } });
    expect(found).toEqual([expect.stringMatching(/^writes one value while it writes another/)]);
  });

  it('a stack that overflows', async () => {
    const found = await failures({ decode: (source, start, end) => {
      const nest = (depth: number): number => (depth === 0 ? 0 : 1 + nest(depth - 1));
      nest(end - start);
      return jsonCodec.decode(source, start, end);
    } });
    expect(found).toEqual([expect.stringMatching(/^survives 200 000 levels .*RangeError/)]);
  });
});

it('wants at least one sample', () => {
  expect(() => codecCases({ codec: jsonCodec, samples: [] })).toThrow('at least one sample');
});
