import { RpcError, type MaybePromise } from '@rpcxjs/core';
import {
  closeFrame, compressAboveBytes, compressorFlags, flag, headerBytes, noMetadata, openFrame, openFrameWith, prepareHead, reserved, timeoutText,
} from '@rpcxjs/protocol';
import { BatchWriter, type RpcxSession } from '@rpcxjs/session';
import type { ResolvedClientOptions } from './client-options.ts';
import type { OutboundCall } from './outbound-call.ts';
import { atOnce } from './synchronous.ts';

const settled = Promise.resolve();

/** Puts requests into a connection's outgoing bytes. */
export class RequestWriter {
  readonly #session: RpcxSession;
  readonly #options: ResolvedClientOptions;

  constructor(session: RpcxSession, options: ResolvedClientOptions) {
    this.#session = session;
    this.#options = options;
  }

  /**
   * Writes the request; the call must have its sequence number. Returns the frame's length, or 0 if the call ended meanwhile and nothing was written.
   * Throws what the codec throws, having written nothing.
   */
  write(call: OutboundCall, now: number): MaybePromise<number> {
    const { writer } = this.#session;
    const { binding } = call;
    if (call.raw !== undefined) return this.#raw(call, call.raw, now);
    if (this.#options.compressors.length > 0) return this.#compressed(call, now);
    const head = call.kind === 'oneway' ? binding.onewayHead : binding.head;
    const metadataLength = this.#open(head, call, now);
    try {
      binding.input.encode(call.input, writer);
    } catch (error) {
      writer.rollback();
      throw error;
    }
    return this.#close(head.length, metadataLength, call);
  }

  /** Opens the frame and writes its metadata. The deadline is sent as the time that is left now, so that it is right for each attempt. */
  #open(head: Uint8Array, call: OutboundCall, now: number): number {
    const { writer } = this.#session;
    const { token, headers } = this.#options;
    const { context } = call.story;
    for (const contribute of headers) atOnce(context.runInAsyncScope(() => contribute(call.metadata, call)), 'a contributor of headers');
    const bounded = call.deadlineAt !== Infinity;
    // A clock's fractions may make 9999.999… of 10000, which is floored.
    const remainingMs = bounded ? Math.max(0, Math.floor(call.deadlineAt - now + 0.001)) : 0;
    if (!call.hasMetadata && token === undefined) {
      const metadata = bounded ? call.binding.timeoutMetadata(remainingMs) : noMetadata;
      openFrame(writer, head, metadata, call.sequenceHigh, call.sequenceLow);
      return metadata.length;
    }
    const { metadata } = call;
    if (bounded) metadata[reserved.timeout] = timeoutText(remainingMs);
    // A token in the call's own metadata wins: a gateway passes on the token of its user.
    const ours = token !== undefined && metadata[reserved.auth] === undefined;
    if (ours) metadata[reserved.auth] = atOnce(context.runInAsyncScope(token), 'the token');
    const metadataLength = openFrameWith(writer, head, metadata, call.sequenceHigh, call.sequenceLow);
    this.#checkMetadata(call, metadataLength - 4);
    // Taken out again, so that the next attempt asks for a fresh token.
    if (ours) delete metadata[reserved.auth];
    return metadataLength;
  }

  /** Refuses metadata over the limits here, because a server would end the whole connection for it. */
  #checkMetadata({ service, method, metadata }: OutboundCall, bytes: number): void {
    const { maxMetadataBytes, maxMetadataPairs } = this.#options.limits;
    const pairs = Object.keys(metadata).length;
    if (bytes <= maxMetadataBytes && pairs <= maxMetadataPairs) return;
    this.#session.writer.rollback();
    const message = `the metadata of ${service}.${method} has ${pairs} pairs and ${bytes} bytes; ${maxMetadataPairs} and ${maxMetadataBytes} are allowed`;
    throw new RpcError('resource_exhausted', message, { reason: 'TOO_LARGE', sent: false });
  }

  #close(headLength: number, metadataLength: number, call: OutboundCall): number {
    const { writer } = this.#session;
    const { maxFrameBytes } = this.#options.limits;
    const bytes = writer.frameBytes - headerBytes;
    if (bytes <= maxFrameBytes) return closeFrame(writer, headLength, metadataLength);
    writer.rollback();
    const message = `the input of ${call.service}.${call.method} takes ${bytes} bytes, and ${maxFrameBytes} are allowed; send less at once or raise limits.maxFrameBytes`;
    throw new RpcError('resource_exhausted', message, { reason: 'TOO_LARGE', sent: false });
  }

  #compressed(call: OutboundCall, now: number): MaybePromise<number> {
    const apart = new BatchWriter();
    call.binding.input.encode(call.input, apart);
    const payload = apart.finish();
    const compressor = this.#options.compressors[0];
    if (payload.length <= compressAboveBytes || compressor === undefined) return this.#payload(call, payload, 0, now);
    const smaller = compressor.compress(payload);
    if (!(smaller instanceof Promise)) return this.#payload(call, smaller, compressor.id, now);
    const { session: place, sequenceLow } = call;
    const late = (bytes: Uint8Array): MaybePromise<number> => {
      if (call.settled || call.session !== place || call.sequenceLow !== sequenceLow) return 0;
      if (this.#session.ended) throw this.#lost(call);
      if (this.#session.writer.isOpen) return settled.then(() => late(bytes));
      return this.#payload(call, bytes, compressor.id, this.#options.runtime.clock.now());
    };
    return smaller.then(late);
  }

  /** For a one-way call whose connection ended while it was being compressed: nothing else reports that. */
  #lost({ service, method }: OutboundCall): RpcError {
    return new RpcError('unavailable', `the connection ended before ${service}.${method} was compressed`, { reason: 'CONNECTION_LOST', sent: false });
  }

  #payload(call: OutboundCall, payload: Uint8Array, compressorId: number, now: number): number {
    // Whatever it is, it must not be what leaves a frame open.
    if (!(payload instanceof Uint8Array)) throw new TypeError(`the compressor ${compressorId} gave no Uint8Array`);
    const { writer } = this.#session;
    const head = call.binding.compressedHead(call.kind === 'oneway', compressorId);
    const metadataLength = this.#open(head, call, now);
    writer.append(payload);
    return this.#close(head.length, metadataLength, call);
  }

  #raw(call: OutboundCall, message: NonNullable<OutboundCall['raw']>, now: number): number {
    const flags = (message.oneway ? flag.oneway : 0) | (message.payload.length > 0 ? compressorFlags(message.compressorId) : 0);
    const head = prepareHead({ service: message.service, method: message.method, codecId: message.codecId, flags });
    const metadataLength = this.#open(head, call, now);
    this.#session.writer.append(message.payload);
    return this.#close(head.length, metadataLength, call);
  }
}
