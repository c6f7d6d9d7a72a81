import { copyBytes, RpcError, settle, type MaybePromise, type PayloadCodec, type RawMessage } from '@rpcxjs/core';
import { readMetadata, type FrameView } from '@rpcxjs/protocol';
import type { ResolvedClientOptions } from './client-options.ts';
import type { OutboundCall } from './outbound-call.ts';

/** A payload as it is to be decoded; inflated if it was compressed. */
interface Payload {
  readonly bytes: Uint8Array;
  readonly start: number;
  readonly end: number;
}

/** The value of a reply. Throws `RpcError`; a payload that does not decode is this call's misfortune only. */
export function readReply(call: OutboundCall, frame: FrameView, options: ResolvedClientOptions): MaybePromise<unknown> {
  const { codecId } = frame;
  const { codec, output } = call.binding;
  const decoder = codecId === codec.id ? output : options.codecs.find(({ id }) => id === codecId);
  if (decoder === undefined) {
    const message = `the reply of ${call.service}.${call.method} is in codec ${codecId}, which this client does not know; give it to the client's codecs`;
    throw new RpcError('unimplemented', message, { reason: 'UNKNOWN_CODEC' });
  }
  if (frame.compressorId === 0) return decode(call, decoder, frame.owned, { bytes: frame.bytes, start: frame.payloadStart, end: frame.end });
  const payload = inflate(call, frame, options);
  const read = (inflated: Payload) => decode(call, decoder, true, inflated);
  return payload instanceof Promise ? payload.then(read) : read(payload);
}

function decode(call: OutboundCall, decoder: PayloadCodec, owned: boolean, { bytes, start, end }: Payload): unknown {
  try {
    if (owned && decoder.decodeOwned !== undefined) return decoder.decodeOwned(bytes, start, end);
    return decoder.decode(bytes, start, end);
  } catch (cause) {
    throw unreadable(call, cause);
  }
}

/** A reply that is too long keeps its code; any other that cannot be inflated or decoded is lost. */
function unreadable(call: OutboundCall, cause: unknown): RpcError {
  const message = `the reply of ${call.service}.${call.method} cannot be read: ${RpcError.is(cause) ? cause.message : String(cause)}`;
  if (RpcError.is(cause) && cause.code === 'resource_exhausted') return new RpcError(cause.code, message, { reason: cause.reason, cause });
  return new RpcError('data_loss', message, { reason: 'BAD_PAYLOAD', cause });
}

function inflate(call: OutboundCall, frame: FrameView, options: ResolvedClientOptions): MaybePromise<Payload> {
  const { compressorId } = frame;
  const compressor = options.compressors.find(({ id }) => id === compressorId);
  if (compressor === undefined) {
    const message = `the reply of ${call.service}.${call.method} is compressed with ${compressorId}, which this client does not know; give it to the client's compressors`;
    throw new RpcError('unimplemented', message, { reason: 'UNKNOWN_COMPRESSOR' });
  }
  const whole = (bytes: Uint8Array): Payload => ({ bytes, start: 0, end: bytes.length });
  const packed = copyBytes(frame.bytes, frame.payloadStart, frame.end);
  return settle(() => compressor.decompress(packed, options.limits.maxInflatedBytes), whole, (cause) => {
    throw unreadable(call, cause);
  });
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
