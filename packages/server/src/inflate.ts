import { RpcError, type MaybePromise } from '@rpcxjs/core';
import type { InboundCall } from './inbound-call.ts';
import type { ResolvedServerOptions } from './server-options.ts';

/** Replaces a compressed payload by the inflated one, within the limit. Handlers of raw messages get the payload as it came. */
export function inflate(call: InboundCall, options: ResolvedServerOptions): MaybePromise<void> {
  const compressor = options.compressors[call.compressorId];
  if (compressor === undefined) {
    const message = `no compressor for ${call.compressorId}: give it to the server's compressors, or let the client send plain payloads`;
    throw new RpcError('unimplemented', message, { reason: 'UNKNOWN_COMPRESSOR' });
  }
  const inflated = compressor.decompress(call.payload, options.limits.maxInflatedBytes);
  const own = (bytes: Uint8Array): void => {
    call.inflated = true;
    call.ownPayload(bytes, 0, bytes.length);
  };
  return inflated instanceof Promise ? inflated.then(own) : own(inflated);
}
