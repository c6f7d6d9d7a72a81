import { readUtf8, settle } from '@rpcxjs/core';
import { readMetadata, type FrameView } from '@rpcxjs/protocol';
import type { BoundedStream } from './bounded-stream.ts';
import type { PushInfo, Pushes } from './pushes.ts';
import { decodeWhole, wholePayload, type ReadingOptions } from './reply-reader.ts';

/** Any message that a server pushed, as `client.messages()` gives it. */
export interface ServerMessage extends PushInfo {
  readonly service: string;
  readonly method: string;
  /** The codec of the payload, by rpcx's number. */
  readonly codecId: number;
  /** Inflated, not decoded, and the reader's to keep. */
  readonly payload: Uint8Array;
  /** The value, by the client's codec of that number. Throws `RpcError` with BAD_PAYLOAD or UNKNOWN_CODEC. */
  decode<T = unknown>(): T;
}

/** All messages that servers push, whether somebody listens for their names or not. */
export class ServerMessages {
  readonly #pushes: Pushes;
  readonly #options: ReadingOptions;
  readonly #channels = new Set<BoundedStream<ServerMessage>>();

  constructor(pushes: Pushes, options: ReadingOptions) {
    this.#pushes = pushes;
    this.#options = options;
  }

  /** Keeps messages from the moment it is called; a slow reader loses the oldest. Ends when the client closes. */
  open(): AsyncIterableIterator<ServerMessage> & Disposable {
    let ended = false;
    const stream = this.#pushes.stream<ServerMessage>((one) => {
      ended = true;
      this.#channels.delete(one);
    });
    if (!ended) this.#channels.add(stream);
    return stream;
  }

  /** Returns whether anybody listens. */
  received(frame: FrameView, address: string): boolean {
    if (this.#channels.size === 0) return false;
    const { codecId } = frame;
    const { bytes } = frame;
    const service = readUtf8(bytes, frame.serviceStart, frame.serviceEnd);
    const method = readUtf8(bytes, frame.methodStart, frame.methodEnd);
    const metadata = readMetadata(bytes, frame.metadataStart, frame.metadataEnd);
    const subject = { kind: 'push', service, method };
    const tell = (payload: Uint8Array): void => {
      const decode = <T>(): T => decodeWhole(subject, payload, codecId, this.#options) as T; // the reader says what it is
      for (const channel of this.#channels) channel.push({ service, method, metadata, address, codecId, payload, decode });
    };
    void settle(() => wholePayload(subject, frame, this.#options), tell, (error) => this.#pushes.unreadable(service, method, error));
    return true;
  }
}
