import { settle, type Compressor, type MaybePromise } from '@rpcxjs/core';
import type { InboundCall } from './inbound-call.ts';
import { checkStillWanted, unreadable } from './refusals.ts';
import type { ResolvedServerOptions } from './server-options.ts';
import { refusal, withoutStacks } from './without-stacks.ts';

/** Replaces a compressed payload by the inflated one, within the limit. Handlers of raw messages get the payload as it came. */
export function inflate(call: InboundCall, options: ResolvedServerOptions): MaybePromise<void> {
  const compressor = options.compressors[call.compressorId];
  if (compressor === undefined) {
    const message = `no compressor for ${call.compressorId}: give it to the server's compressors, or let the client send plain payloads`;
    throw refusal('unimplemented', message, { reason: 'UNKNOWN_COMPRESSOR' });
  }
  const { inflating } = options;
  const own = (bytes: Uint8Array): void => {
    call.inflated = true;
    call.ownPayload(bytes, 0, bytes.length);
  };
  const inflated = inflating.free
    ? inflating.begun(decompress(call, compressor, options))
    : inflating.wait(call.host, () => {
        checkStillWanted(call);
        return decompress(call, compressor, options);
      });
  return inflated instanceof Promise ? inflated.then(own) : own(inflated);
}

function decompress(call: InboundCall, compressor: Compressor, { limits }: ResolvedServerOptions): MaybePromise<Uint8Array> {
  const { host, payload } = call;
  const run = (): MaybePromise<Uint8Array> => compressor.decompress(payload, limits.maxInflatedBytes);
  const failed = (thrown: unknown): never => {
    throw unreadable(call, `the compressor ${compressor.name}`, thrown);
  };
  return settle(() => (host.sentJunk ? withoutStacks(run) : run()), (bytes) => (bytes instanceof Uint8Array ? bytes : failed(new TypeError('it gave no Uint8Array'))), failed);
}
