import type { Codec } from './codec.ts';
import { RpcError } from './errors.ts';
import { thrownText } from './thrown-text.ts';
import { readUtf8 } from './utf8.ts';

const deepest = 128;

/**
 * Go's encoding/json and ours (1). No value is written as `null`, and an empty payload is read as no value. `bigint` is refused, NaN and
 * infinities become null; an integer beyond 2^53 loses digits when it is read, as it does in `JSON.parse`.
 */
export const jsonCodec: Codec = {
  id: 1,
  name: 'json',
  encode(value, writer) {
    let text: string | undefined;
    try {
      text = JSON.stringify(value);
    } catch (cause) {
      throw new RpcError('invalid_argument', `the value cannot be written as JSON: ${thrownText(cause)}`, { reason: 'BAD_PAYLOAD', sent: false, cause });
    }
    // Go's decoder refuses an empty document, and null leaves its target untouched.
    writer.appendUtf8(text ?? 'null');
  },
  decode(source, start, end) {
    if (start === end) return undefined;
    if (end - start > deepest && nestsTooDeep(source, start, end)) {
      throw new RpcError('invalid_argument', `the JSON payload nests deeper than ${deepest} levels`, { reason: 'BAD_PAYLOAD' });
    }
    try {
      return JSON.parse(readUtf8(source, start, end));
    } catch (cause) {
      throw new RpcError('invalid_argument', `the payload of ${end - start} bytes is no JSON: ${thrownText(cause)}`, { reason: 'BAD_PAYLOAD', cause });
    }
  },
};

function nestsTooDeep(source: Uint8Array, start: number, end: number): boolean {
  let opened = 0;
  // Counting brackets is enough for nearly every document; only then is it worth knowing which of them stand in strings.
  for (let at = start; at < end; at++) if (((source[at] as number) | 0x20) === 0x7b) opened++;
  if (opened <= deepest) return false;
  let depth = 0;
  for (let at = start; at < end; at++) {
    const byte = source[at] as number;
    if (byte === 0x22) {
      for (at++; at < end && source[at] !== 0x22; at++) if (source[at] === 0x5c) at++;
    } else if (byte === 0x5b || byte === 0x7b) {
      if (++depth > deepest) return true;
    } else if (byte === 0x5d || byte === 0x7d) depth--;
  }
  return false;
}
