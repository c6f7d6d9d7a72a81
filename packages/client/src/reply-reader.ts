import { copyBytes, RpcError, settle, thrownText, type MaybePromise, type PayloadCodec, type RawMessage } from '@rpcxjs/core';
import { readMetadata, type FrameView } from '@rpcxjs/protocol';
import type { ResolvedClientOptions } from './client-options.ts';
import type { OutboundCall } from './outbound-call.ts';

/** What a frame is read with. */
export interface ReadingOptions extends Pick<ResolvedClientOptions, 'codecs' | 'compressors' | 'inflating'> {
  readonly limits: { readonly maxInflatedBytes: number };
}

/** What the frame is of, for texts. */
interface Subject {
  readonly service: string;
  readonly method: string;
  /** `push`, or what kind of call it answers. */
  readonly kind: string;
}

/** The value of a reply. Throws `RpcError`; a payload that does not decode is this call's misfortune only. */
export function readReply(call: OutboundCall, frame: FrameView, options: ReadingOptions): MaybePromise<unknown> {
  const { codec, output } = call.binding;
  return readPayload(call, frame.codecId === codec.id ? output : undefined, frame, options);
}

/** The value of any frame, with one of the client's codecs unless a decoder is given; inflated if it was compressed. Throws `RpcError`. */
export function readPayload(subject: Subject, given: PayloadCodec | undefined, frame: FrameView, options: ReadingOptions): MaybePromise<unknown> {
  const { bytes, codecId, compressorId, payloadStart, end } = frame;
  const decoder = given ?? codecOf(subject, codecId, options);
  if (compressorId === 0) {
    try {
      return frame.owned && decoder.decodeOwned !== undefined ? decoder.decodeOwned(bytes, payloadStart, end) : decoder.decode(bytes, payloadStart, end);
    } catch (cause) {
      throw unreadable(subject, cause);
    }
  }
  return settle(() => wholePayload(subject, frame, options), (whole) => decode(subject, decoder, whole), rethrow);
}

/** The payload of any frame, inflated if it was compressed; a copy of its own. Throws `RpcError`. */
export function wholePayload(subject: Subject, frame: FrameView, options: ReadingOptions): MaybePromise<Uint8Array> {
  const { bytes, compressorId, payloadStart, end } = frame;
  const copy = copyBytes(bytes, payloadStart, end);
  if (compressorId === 0) return copy;
  const compressor = options.compressors.find(({ id }) => id === compressorId);
  if (compressor === undefined) throw unknown(subject, `compressed with ${compressorId}`, 'compressors', 'UNKNOWN_COMPRESSOR');
  const failed = (cause: unknown): never => {
    throw unreadable(subject, cause);
  };
  return settle(() => options.inflating.begun(compressor.decompress(copy, options.limits.maxInflatedBytes)), (whole) => whole, failed);
}

/** The value of a payload that stands by itself. Throws `RpcError`. */
export function decodeWhole(subject: Subject, payload: Uint8Array, codecId: number, options: ReadingOptions): unknown {
  return decode(subject, codecOf(subject, codecId, options), payload);
}

function decode(subject: Subject, decoder: PayloadCodec, whole: Uint8Array): unknown {
  try {
    return (decoder.decodeOwned ?? decoder.decode).call(decoder, whole, 0, whole.length);
  } catch (cause) {
    throw unreadable(subject, cause);
  }
}

function codecOf(subject: Subject, codecId: number, options: ReadingOptions): PayloadCodec {
  const codec = options.codecs.find(({ id }) => id === codecId);
  if (codec === undefined) throw unknown(subject, `in codec ${codecId}`, 'codecs', 'UNKNOWN_CODEC');
  return codec;
}

function rethrow(error: unknown): never {
  throw error;
}

function nameOf({ kind, service, method }: Subject): string {
  return `the ${kind === 'push' ? kind : 'reply of'} ${service}.${method}`;
}

function unknown(subject: Subject, what: string, option: string, reason: 'UNKNOWN_CODEC' | 'UNKNOWN_COMPRESSOR'): RpcError {
  return new RpcError('unimplemented', `${nameOf(subject)} is ${what}, which this client does not know; give it to the client's ${option}`, { reason });
}

/** The error for a payload that cannot be inflated or decoded: `data_loss`, but one that is over a limit keeps its code. */
function unreadable(subject: Subject, cause: unknown): RpcError {
  const message = `${nameOf(subject)} cannot be read: ${thrownText(cause)}`;
  if (RpcError.is(cause) && cause.code === 'resource_exhausted') return new RpcError(cause.code, message, { reason: cause.reason, cause });
  return new RpcError('data_loss', message, { reason: 'BAD_PAYLOAD', cause });
}

/** The whole reply, its payload untouched. */
export function readRaw(frame: FrameView, call: OutboundCall): RawMessage {
  return {
    service: call.service,
    method: call.method,
    metadata: readMetadata(frame.bytes, frame.metadataStart, frame.metadataEnd),
    payload: frame.owned ? frame.bytes.subarray(frame.payloadStart, frame.end) : copyBytes(frame.bytes, frame.payloadStart, frame.end),
    codecId: frame.codecId,
    compressorId: frame.compressorId,
    oneway: false,
    error: frame.isError,
  };
}
