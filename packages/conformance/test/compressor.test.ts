import { deflateSync, gunzipSync, gzipSync, inflateSync } from 'node:zlib';
import { RpcError } from '@rpcxjs/core';
import type { Compressor } from '@rpcxjs/core';
import { describe, expect, it } from 'vitest';
import { compressorCases } from '../src/index.ts';
import type { CompressorCasesOptions } from '../src/index.ts';

/** The error of zlib in the words of the contract. */
function translated(error: unknown): RpcError {
  const { code } = error as NodeJS.ErrnoException;
  if (code === 'ERR_BUFFER_TOO_LARGE') return new RpcError('resource_exhausted', 'too large', { reason: 'TOO_LARGE', cause: error });
  return new RpcError('invalid_argument', 'no gzip', { reason: 'BAD_PAYLOAD', cause: error });
}

const gzip: Compressor = {
  id: 1,
  name: 'gzip',
  compress: (payload) => gzipSync(payload),
  async decompress(payload, maxBytes) {
    try {
      // zlib counts 0 as "no limit" and refuses to be asked for nothing.
      return gunzipSync(payload, { maxOutputLength: Math.max(1, maxBytes) });
    } catch (error) {
      throw translated(error);
    }
  },
};

for (const one of compressorCases({ compressor: gzip })) it(one.name, one.run);

async function failures(broken: Partial<Compressor>, supports?: CompressorCasesOptions['supports']): Promise<string[]> {
  const found: string[] = [];
  for (const one of compressorCases({ compressor: { ...gzip, ...broken }, supports })) {
    await one.run().catch((error: Error) => found.push(`${one.name.replace('compressor gzip: ', '')} ⟶ ${error.name}: ${error.message}`));
  }
  return found;
}

describe('a compressor that breaks a rule fails the case of that rule', () => {
  it('the id of "not compressed"', async () => {
    expect(await failures({ id: 0 })).toEqual([expect.stringMatching(/^has an id .* its id is 0/)]);
  });

  it('what is no bytes', async () => {
    const found = await failures({ compress: (payload) => gzipSync(payload).toString('base64') as never });
    expect(found).toContainEqual(expect.stringMatching(/^carries one byte, .* compress\(\) gave .* for one byte: it gives a Uint8Array/));
  });

  it('no limit', async () => {
    const found = await failures({ decompress: (payload) => {
      try {
        return gunzipSync(payload);
      } catch (error) {
        throw translated(error);
      }
    } });
    expect(found).toEqual([
      expect.stringMatching(/^takes exactly maxBytes .* gave bytes instead of TOO_LARGE/), expect.stringMatching(/^refuses a bomb .* gave bytes instead of TOO_LARGE/),
    ]);
  });

  it('a limit that is off by one', async () => {
    const found = await failures({ decompress: (payload, maxBytes) => gzip.decompress(payload, maxBytes + 1) });
    expect(found).toEqual([expect.stringMatching(/^takes exactly maxBytes .* gave bytes instead/)]);
  });

  it('errors as zlib throws them', async () => {
    const found = await failures({ decompress: (payload, maxBytes) => gunzipSync(payload, { maxOutputLength: Math.max(1, maxBytes) }) });
    expect(found).toContainEqual(expect.stringMatching(/^refuses damaged .* instead of an RpcError with a reason/));
  });

  it('the code of a limit', async () => {
    const found = await failures({ decompress: async (payload, maxBytes) => {
      try {
        return await gzip.decompress(payload, maxBytes);
      } catch (error) {
        throw new RpcError('invalid_argument', 'refused', { reason: RpcError.is(error) ? error.reason : undefined });
      }
    } });
    expect(found).toContainEqual(expect.stringMatching(/TOO_LARGE with code invalid_argument/));
  });

  it('damage that goes unnoticed', async () => {
    const raw: Partial<Compressor> = {
      compress: (payload) => deflateSync(payload),
      decompress: (payload, maxBytes) => {
        try {
          return inflateSync(payload, { maxOutputLength: Math.max(1, maxBytes), finishFlush: 2 });
        } catch (error) {
          throw translated(error);
        }
      },
    };
    expect(await failures(raw)).toContainEqual(expect.stringMatching(/^refuses damaged and truncated .* gave bytes instead of BAD_PAYLOAD/));
    expect(await failures(raw, { detectsDamage: false })).toEqual([]);
  });

  it('a result that is a view of the input', async () => {
    const found = await failures({ compress: (payload) => payload, decompress: (payload) => payload }, { detectsDamage: false, shrinksZeros: false });
    expect(found).toContainEqual(expect.stringMatching(/^keeps nothing of the memory/));
  });

  it('the memory behind a view instead of the view', async () => {
    const found = await failures({ compress: (payload) => gzipSync(new Uint8Array(payload.buffer)) });
    expect(found).toContainEqual(expect.stringMatching(/^reads only the view/));
  });

  it('state that payloads share', async () => {
    let last = new Uint8Array(0);
    const found = await failures({ compress: async (payload) => {
      last = new Uint8Array(payload);
      await Promise.resolve();
      return gzipSync(last);
    } });
    expect(found).toEqual([expect.stringMatching(/^works on many payloads at once/)]);
  });

  it('never settling', async () => {
    const [, one] = compressorCases({ compressor: { ...gzip, compress: () => new Promise(() => {}) }, deadlineMs: 50 });
    await expect(one?.run()).rejects.toThrow('the compressor did not settle (waited 50 ms)');
  });
});
