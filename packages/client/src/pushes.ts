import { readUtf8, settle, type Metadata, type MethodRef } from '@rpcxjs/core';
import { readMetadata, type FrameView } from '@rpcxjs/protocol';
import { BoundedStream } from './bounded-stream.ts';
import type { ResolvedClientOptions } from './client-options.ts';
import { decodeWhole, readPayload, wholePayload } from './reply-reader.ts';

/** A message that a server sent by itself, with where it came from. */
export interface PushInfo {
  readonly metadata: Metadata;
  readonly address: string;
}
/** Any message that a server sent by itself, as the channel of all of them has it. */
export interface ServerMessage extends PushInfo {
  readonly service: string;
  readonly method: string;
  /** rpcx's number of the codec. */
  readonly codecId: number;
  /** Inflated, not decoded, and the reader's to keep. */
  readonly payload: Uint8Array;
  /** The value, by the client's codec of that number. Throws `RpcError` with BAD_PAYLOAD or UNKNOWN_CODEC. */
  decode<T = unknown>(): T;
}
type Listener = (value: unknown, info: PushInfo) => void;

/** Hands the servers' own messages to whoever listens; without a listener they are dropped, as in Go. */
export class Pushes {
  dropped = 0;
  #closed = false;
  readonly #options: ResolvedClientOptions;
  readonly #listeners = new Map<string, Set<Listener>>();
  readonly #channels = new Set<BoundedStream<ServerMessage>>();
  readonly #streams = new Set<{ end(): void }>();

  constructor(options: ResolvedClientOptions) {
    this.#options = options;
  }

  /** Calls back for each message until the returned function is called. */
  listen<T>(event: MethodRef<'push', T>, listener: (value: T, info: PushInfo) => void): () => void {
    const key = keyOf(event.service, event.name);
    const own: Listener = (value, info) => listener(value as T, info); // the contract says what is pushed
    let listeners = this.#listeners.get(key);
    if (listeners === undefined) this.#listeners.set(key, (listeners = new Set()));
    listeners.add(own);
    return () => {
      listeners.delete(own);
      if (listeners.size === 0 && this.#listeners.get(key) === listeners) this.#listeners.delete(key);
    };
  }

  /** Keeps messages from the moment it is called; a slow reader loses the oldest. Ends when the client closes. */
  iterate<T>(event: MethodRef<'push', T>): AsyncIterableIterator<T> & Disposable {
    let unlisten = (): void => {};
    const stream = this.#open<T>(() => unlisten());
    if (!this.#closed) unlisten = this.listen(event, (value) => stream.push(value));
    return stream;
  }

  /** Every message of every server, listened for by name or not. */
  messages(): AsyncIterableIterator<ServerMessage> & Disposable {
    const stream: BoundedStream<ServerMessage> = this.#open((ended) => this.#channels.delete(ended));
    if (!this.#closed) this.#channels.add(stream);
    return stream;
  }

  #open<T>(closed: (stream: BoundedStream<T>) => void): BoundedStream<T> {
    const stream = new BoundedStream<T>(this.#options.limits.maxQueuedPushes, {
      dropped: () => (this.dropped += 1),
      closed: (ended) => {
        this.#streams.delete(ended);
        closed(ended);
      },
    });
    if (this.#closed) stream.end();
    else this.#streams.add(stream);
    return stream;
  }

  received(frame: FrameView, address: string): void {
    const service = readUtf8(frame.bytes, frame.serviceStart, frame.serviceEnd);
    const method = readUtf8(frame.bytes, frame.methodStart, frame.methodEnd);
    const listeners = this.#listeners.get(keyOf(service, method));
    if (this.#channels.size > 0) this.#channel(frame, service, method, address);
    else if (listeners === undefined) this.dropped += 1;
    if (listeners === undefined) return;
    try {
      const value = readPayload({ kind: 'push', service, method }, undefined, frame, this.#options);
      const info: PushInfo = { metadata: readMetadata(frame.bytes, frame.metadataStart, frame.metadataEnd), address };
      const tell = (late: unknown) => this.#tell([...listeners], late, info);
      if (value instanceof Promise) value.then(tell).catch((error: unknown) => this.#unreadable(service, method, error));
      else tell(value);
    } catch (error) {
      this.#unreadable(service, method, error);
    }
  }

  close(): void {
    this.#closed = true;
    for (const stream of this.#streams) stream.end();
    this.#listeners.clear();
  }

  #channel(frame: FrameView, service: string, method: string, address: string): void {
    const { codecId } = frame;
    const metadata = readMetadata(frame.bytes, frame.metadataStart, frame.metadataEnd);
    const tell = (payload: Uint8Array): void => {
      const decode = <T>(): T => decodeWhole({ kind: 'push', service, method }, payload, codecId, this.#options) as T; // the reader says what it is
      for (const channel of this.#channels) channel.push({ service, method, metadata, address, codecId, payload, decode });
    };
    void settle(() => wholePayload({ kind: 'push', service, method }, frame, this.#options), tell, (error) => this.#unreadable(service, method, error));
  }

  #tell(listeners: readonly Listener[], value: unknown, info: PushInfo): void {
    for (const listener of listeners) {
      try {
        listener(value, info);
      } catch (error) {
        this.#options.runtime.logger.error({ error }, 'a listener for pushes threw');
      }
    }
  }

  /** Nobody waits for a push, so nobody else would hear of it. */
  #unreadable(service: string, method: string, error: unknown): void {
    this.dropped += 1;
    this.#options.runtime.logger.warn({ service, method, error }, 'a push could not be read and was dropped');
  }
}

function keyOf(service: string, method: string): string {
  return JSON.stringify([service, method]);
}
