import { createMetadata, RpcError, type MaybePromise, type MutableMetadata, type RawMessage } from '@rpcxjs/core';
import {
  closeFrame, compressAboveBytes, compressorFlags, flag, headerBytes, noMetadata, openFrame, openFrameWith, prepareHead, reserved,
} from '@rpcxjs/protocol';
import { BatchWriter, errorsWord, flushThreshold, type RpcxSession, type Sequenced } from '@rpcxjs/session';
import { errorText, structuredError, textsOf, type Failure } from './failure.ts';
import { InboundCall, unknownCodec } from './inbound-call.ts';
import type { MethodBinding } from './method-entry.ts';
import type { ResolvedServerOptions } from './server-options.ts';

const settled = Promise.resolve();
// A client reads 128 more by default, and would end the connection with all its calls over a million.
const mostPairs = 16_000;

/** Puts replies into a connection's outgoing bytes. */
export class ReplyWriter {
  readonly #session: RpcxSession;
  readonly #options: ResolvedServerOptions;
  /** Calls of this connection whose replies are still to come, for the flush policy. */
  framesInFlight = 1;

  constructor(session: RpcxSession, options: ResolvedServerOptions) {
    this.#session = session;
    this.#options = options;
  }

  /** Writes the reply, at once and without a copy where it is not compressed. Throws what the codec throws, having written nothing. */
  reply(call: InboundCall, output: unknown): MaybePromise<void> {
    if (call.target.raw === undefined) return this.#value(call, output);
    if (!isRawMessage(output)) {
      throw new RpcError('internal', 'the handler returned no message with a payload and the numbers of its codec, 0 to 15, and its compressor, 0 to 7', { reason: 'BAD_PAYLOAD' });
    }
    this.#raw(call, output);
  }

  #value(call: InboundCall, value: unknown): MaybePromise<void> {
    const session = this.#session;
    const { writer } = session;
    if (session.ended) return;
    const binding = this.#bindingOf(call);
    // This handler was called while another frame is being encoded (from a getter, say): its reply waits until that frame is closed.
    if (writer.isOpen) return settled.then(() => this.#value(call, value));
    if (call.compressorId !== 0) return this.#compressed(call, value);
    const metadataLength = this.#open(binding.head, call.response, call.sequenceHigh, call.sequenceLow);
    try {
      binding.output.encode(value, writer);
    } catch (error) {
      writer.rollback();
      throw error;
    }
    this.#close(binding.head.length, metadataLength, call);
  }

  #raw(call: InboundCall, message: RawMessage): void {
    const { writer, ended } = this.#session;
    if (ended) return;
    const flags = flag.response | (message.error ? flag.error : 0) | (message.payload.length > 0 ? compressorFlags(message.compressorId) : 0);
    const head = prepareHead({ service: call.service, method: call.method, codecId: message.codecId, flags });
    const metadata = createMetadata(message.metadata);
    // The reply of another server is passed on, and its word that it is shutting down is not about this server.
    delete metadata[reserved.drain];
    Object.assign(metadata, call.response);
    if (message.error && !metadata[reserved.error]) metadata[reserved.error] = 'the handler replied with an error';
    const metadataLength = this.#open(head, metadata, call.sequenceHigh, call.sequenceLow);
    writer.append(message.payload);
    this.#close(head.length, metadataLength, call);
  }

  error(call: InboundCall, failure: Failure): void {
    const metadata = Object.assign(createMetadata(), textsOf(call.response), failure.metadata);
    this.failure(call.binding?.head ?? headOf(call), call, failure, metadata);
  }

  /** Writes an error reply that begins with `head`. Never throws. */
  failure(head: Uint8Array, to: Sequenced, failure: Failure, metadata: MutableMetadata = createMetadata()): void {
    const { writer, capabilities, ended } = this.#session;
    if (ended) return;
    if (writer.isOpen) {
      void settled.then(() => this.failure(head, to, failure, metadata));
      return;
    }
    const structured = capabilities.has(errorsWord);
    metadata[reserved.error] = errorText(failure);
    if (structured) metadata[reserved.structuredError] = structuredError(failure);
    if (this.#failed(head, to, metadata, this.#options.limits.maxFrameBytes)) return;
    // It was too large because of its metadata or details: without them the error always fits.
    const { code, message, reason, retryAfterMs, unrun } = failure;
    const alone = createMetadata({ [reserved.error]: errorText({ code, message }) });
    if (structured) alone[reserved.structuredError] = structuredError({ code, message, reason, retryAfterMs, unrun });
    this.#failed(head, to, alone, Infinity);
  }

  #failed(head: Uint8Array, to: Sequenced, metadata: MutableMetadata, maxBytes: number): boolean {
    const { writer } = this.#session;
    if (Object.keys(metadata).length > mostPairs) return false;
    const metadataLength = openFrameWith(writer, head, metadata, to.sequenceHigh, to.sequenceLow);
    if (writer.frameBytes - headerBytes > maxBytes) {
      writer.rollback();
      return false;
    }
    writer.patchByte(2, (head[2] as number) | flag.error);
    const length = closeFrame(writer, head.length, metadataLength);
    // A frame that was refused before it became a call has no names to tell observers.
    if (to instanceof InboundCall) this.#options.frames?.written(to.service, to.method, length);
    this.#written(length);
    return true;
  }

  /** The binding of the call; made here if the call is answered before anybody asked for its input. */
  #bindingOf(call: InboundCall): MethodBinding {
    const codec = this.#options.codecs[call.codecId];
    if (call.binding === undefined && codec !== undefined) call.binding = call.target.binding(codec);
    if (call.binding === undefined) throw unknownCodec(call.codecId);
    return call.binding;
  }

  #open(head: Uint8Array, metadata: MutableMetadata | undefined, sequenceHigh: number, sequenceLow: number): number {
    const { writer } = this.#session;
    if (metadata !== undefined) {
      const pairs = Object.keys(metadata).length;
      if (pairs > mostPairs) throw new RpcError('resource_exhausted', `its metadata has ${pairs} pairs, and ${mostPairs} are allowed`, { reason: 'TOO_LARGE' });
      try {
        return openFrameWith(writer, head, metadata, sequenceHigh, sequenceLow);
      } catch (error) {
        if (writer.isOpen) writer.rollback();
        throw error;
      }
    }
    openFrame(writer, head, noMetadata, sequenceHigh, sequenceLow);
    return noMetadata.length;
  }

  #close(headLength: number, metadataLength: number, call: InboundCall): void {
    const { writer } = this.#session;
    const { maxFrameBytes } = this.#options.limits;
    if (writer.frameBytes - headerBytes > maxFrameBytes) {
      const bytes = writer.frameBytes;
      writer.rollback();
      throw new RpcError('resource_exhausted', `the reply of ${call.service}.${call.method} takes ${bytes} bytes, and ${maxFrameBytes} are allowed; send less at once`, {
        reason: 'TOO_LARGE',
      });
    }
    const length = closeFrame(writer, headLength, metadataLength);
    this.#options.frames?.written(call.service, call.method, length);
    this.#written(length);
  }

  #written(length: number): void {
    this.#session.frameWritten(flushThreshold(this.framesInFlight, length));
    this.#options.unread.written(this.#session);
  }

  /** As Go does, compresses a reply only if its request was compressed, and only if it is longer than 1024 bytes. */
  #compressed(call: InboundCall, value: unknown): MaybePromise<void> {
    const apart = new BatchWriter();
    this.#bindingOf(call).output.encode(value, apart);
    const payload = apart.finish();
    const compressor = this.#options.compressors[call.compressorId];
    if (payload.length <= compressAboveBytes || compressor === undefined) return this.#payload(call, payload, 0);
    const smaller = compressor.compress(payload);
    if (smaller instanceof Promise) return smaller.then((bytes) => this.#payload(call, bytes, compressor.id));
    this.#payload(call, smaller, compressor.id);
  }

  #payload(call: InboundCall, payload: Uint8Array, compressorId: number): void {
    // Whatever it is, it must not be what leaves a frame open.
    if (!(payload instanceof Uint8Array)) throw new TypeError(`the compressor ${compressorId} gave no Uint8Array`);
    const { writer, ended } = this.#session;
    if (ended) return;
    const { head } = this.#bindingOf(call);
    const metadataLength = this.#open(head, call.response, call.sequenceHigh, call.sequenceLow);
    writer.append(payload);
    writer.patchByte(2, (head[2] as number) | compressorFlags(compressorId));
    this.#close(head.length, metadataLength, call);
  }
}

function isRawMessage(output: unknown): output is RawMessage {
  if (typeof output !== 'object' || output === null) return false;
  const { payload, codecId, compressorId = 0 } = output as Partial<RawMessage>; // looked at field by field
  return payload instanceof Uint8Array && isWithin(codecId, 15) && isWithin(compressorId, 7);
}
/** The header of a frame has four bits for the codec and three for the compressor. */
function isWithin(id: unknown, most: number): boolean {
  return Number.isInteger(id) && (id as number) >= 0 && (id as number) <= most;
}

function headOf(call: InboundCall): Uint8Array {
  return prepareHead({ service: call.service, method: call.method, codecId: call.codecId, flags: flag.response });
}
