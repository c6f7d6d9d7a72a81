import { kMaxLength } from 'node:buffer';
import { type ZlibOptions, gunzip, gunzipSync, gzip as gzipAsync, gzipSync } from 'node:zlib';
import { type Compressor, RpcError } from '@rpcxjs/core';
import { checkNames, described } from '@rpcxjs/core/options';

export interface GzipOptions {
  /** From 1 (fastest) to 9 (smallest). Of JSON, 1 leaves about 8 % more bytes than Go's 6 and takes a quarter of the time. @default 1 */
  readonly level?: number | undefined;
  /** Payloads of more uncompressed bytes than this are handed to Node's thread pool, so that they do not hold up the loop. @default 65536 */
  readonly asyncAboveBytes?: number | undefined;
}
export const gzipDefaults: { readonly level: number; readonly asyncAboveBytes: number } = { level: 1, asyncAboveBytes: 64 * 1024 };

/** A compressor as it is, and a function that makes one with other options. */
export interface Gzip extends Compressor {
  (options?: GzipOptions): Compressor;
}

/**
 * gzip (rpcx's compress type 1). Any stream of RFC 1952 is read, also several members behind each other, as Go does. An empty payload stays empty, both ways.
 *
 * Errors: BAD_PAYLOAD for bytes that are no gzip stream, are cut short, damaged, or followed by anything else; TOO_LARGE for more than the
 * limit that `decompress` was given, of which no byte more is inflated.
 */
export const gzip: Gzip = asCompressor((options) => createGzip(options));

function asCompressor(make: (options?: GzipOptions) => Compressor): Gzip {
  const properties = Object.entries(createGzip()).map(([key, value]) => [key, { value, enumerable: true }] as const);
  return Object.defineProperties(make, Object.fromEntries(properties)) as Gzip; // with the members of a compressor defined on it
}

function createGzip(options: GzipOptions = {}): Compressor {
  checkNames('gzip', options, gzipDefaults);
  const { level, asyncAboveBytes } = resolve(options);
  return {
    id: 1,
    name: 'gzip',
    compress(payload) {
      if (payload.length === 0) return new Uint8Array(0);
      if (payload.length <= asyncAboveBytes) return gzipSync(payload, { level });
      return new Promise((done, failed) => {
        gzipAsync(owned(payload), { level }, (error, packed) => {
          if (error === null) done(packed);
          else failed(new RpcError('internal', `cannot compress ${payload.length} bytes: ${error.message}`, { cause: error, sent: false }));
        });
      });
    },
    decompress(payload, maxBytes) {
      if (payload.length === 0) return new Uint8Array(0);
      const said = saidBytes(payload);
      // No data deflates that well, so the stream is damaged. A possible length is believed, and refused without inflating.
      if (said > payload.length * bestRatio) throw badPayload(payload, 'its trailer is damaged or cut off');
      if (said > maxBytes) throw tooLarge(payload, `says that it inflates to ${said} bytes, more than`, maxBytes);
      if (said <= asyncAboveBytes) {
        // The length may be a lie: then only this much is inflated here, and the rest in the thread pool.
        const inflated = inflateHere(payload, maxBytes, Math.min(maxBytes, asyncAboveBytes));
        if (inflated !== undefined) return inflated;
      }
      return inflateElsewhere(owned(payload), maxBytes);
    },
  };
}

function resolve(options: GzipOptions): typeof gzipDefaults {
  const level = options.level ?? gzipDefaults.level;
  const asyncAboveBytes = options.asyncAboveBytes ?? gzipDefaults.asyncAboveBytes;
  if (!Number.isInteger(level) || level < 1 || level > 9) throw new TypeError(`gzip: level is a whole number from 1 to 9, not ${described(level)}`);
  if (!(asyncAboveBytes >= 0)) throw new TypeError(`gzip: asyncAboveBytes is a number of bytes, not ${described(asyncAboveBytes)}`);
  return { level, asyncAboveBytes };
}

// The shortest stream there is has 18 bytes: a header of ten and a trailer of eight.
const leastBytes = 18;
const bestRatio = 1032;
// Each chunk is a trip to the thread pool; a payload that claims to be small must not cause many of them.
const poolChunk = 256 * 1024;
const leastChunk = 1024;

/** The length that the last member claims, modulo 2^32; 0 if there is no room for a trailer. */
function saidBytes(payload: Uint8Array): number {
  const { length } = payload;
  if (length < leastBytes) return 0;
  return new DataView(payload.buffer, payload.byteOffset, length).getUint32(length - 4, true);
}

/** With `info`, Node returns the engine too, which knows how far it has read. */
interface Inflated {
  readonly buffer: Uint8Array;
  readonly engine: { readonly bytesWritten: number };
}
function inflateOptions(chunkSize: number, limit: number): ZlibOptions {
  return { info: true, chunkSize, ...(limit <= kMaxLength ? { maxOutputLength: Math.max(1, limit) } : {}) };
}

/** Undefined if there is more than `hereBytes` and that is not yet too much. */
function inflateHere(payload: Uint8Array, maxBytes: number, hereBytes: number): Uint8Array | undefined {
  // One buffer for the whole result.
  const chunkSize = Math.max(leastChunk, Math.min(saidBytes(payload) + 1, hereBytes + 1));
  try {
    return whole(gunzipSync(payload, inflateOptions(chunkSize, hereBytes)) as unknown as Inflated, payload, maxBytes); // because of `info`
  } catch (error) {
    if (isOverLimit(error) && hereBytes < maxBytes) return undefined;
    throw refusal(error, payload, maxBytes);
  }
}

// All that are begun take turns in the thread pool and end at about the same time: with hundreds of them, each would hold nearly all that it inflates to.
const mostElsewhere = 16;
let elsewhere = 0;
const waiting: (() => void)[] = [];

async function inflateElsewhere(payload: Uint8Array, maxBytes: number): Promise<Uint8Array> {
  if (elsewhere < mostElsewhere) elsewhere += 1;
  else await new Promise<void>((begin) => { waiting.push(begin); });
  try {
    return await inflatePooled(payload, maxBytes);
  } finally {
    // Whoever waits longest takes the place.
    const begin = waiting.shift();
    if (begin === undefined) elsewhere -= 1;
    else begin();
  }
}

function inflatePooled(payload: Uint8Array, maxBytes: number): Promise<Uint8Array> {
  return new Promise((done, failed) => {
    gunzip(payload, inflateOptions(poolChunk, maxBytes), (error, result) => {
      try {
        if (error !== null) throw error;
        done(whole(result as unknown as Inflated, payload, maxBytes)); // because of `info`
      } catch (caught) {
        failed(refusal(caught, payload, maxBytes));
      }
    });
  });
}

function whole({ buffer, engine }: Inflated, payload: Uint8Array, maxBytes: number): Uint8Array {
  // Node passes over zeros behind a stream, Go's reader does not.
  if (engine.bytesWritten !== payload.length) throw badPayload(payload, `${payload.length - engine.bytesWritten} bytes follow the end of the stream`);
  if (buffer.length > maxBytes) throw tooLarge(payload, inflatesTo, maxBytes);
  return buffer;
}

/** The bytes handed in belong to a buffer that is reused once this turn is over. */
function owned(payload: Uint8Array): Uint8Array {
  return new Uint8Array(payload);
}

function isOverLimit(error: unknown): boolean {
  return error instanceof Error && (error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE'; // Node's errors have a code
}

function refusal(error: unknown, payload: Uint8Array, maxBytes: number): RpcError {
  if (RpcError.is(error)) return error;
  if (isOverLimit(error)) return tooLarge(payload, inflatesTo, maxBytes);
  return badPayload(payload, error instanceof Error ? error.message : String(error), error);
}

const inflatesTo = 'inflates to more than';
function tooLarge(payload: Uint8Array, what: string, maxBytes: number): RpcError {
  return new RpcError('resource_exhausted', `a gzip payload of ${payload.length} bytes ${what} the limit of ${maxBytes} bytes; send less at once or raise the limit on inflated payloads`, { reason: 'TOO_LARGE' });
}

function badPayload(payload: Uint8Array, what: string, cause?: unknown): RpcError {
  return new RpcError('invalid_argument', `a payload of ${payload.length} bytes is no gzip stream: ${what}; check what the sender compresses with`, { reason: 'BAD_PAYLOAD', cause });
}
