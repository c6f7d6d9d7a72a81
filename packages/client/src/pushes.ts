import { readUtf8, type Logger, type MaybePromise, type Metadata, type MethodRef } from '@rpcxjs/core';
import { readMetadata, type FrameView } from '@rpcxjs/protocol';
import { BoundedStream } from './bounded-stream.ts';

/** A message that a server sent by itself, with where it came from. */
export interface PushInfo {
  readonly metadata: Metadata;
  readonly address: string;
}
/** How pushes are kept and read. */
export interface PushOptions {
  /** Values that wait for a slow reader before the oldest is dropped. */
  readonly most: number;
  readonly logger: Logger;
  /** The value in the frame. Throws `RpcError`. */
  read(service: string, method: string, frame: FrameView): MaybePromise<unknown>;
}
type Listener = (value: unknown, info: PushInfo) => unknown;

/** Hands the servers' own messages to whoever listens; without a listener they are dropped, as in Go. */
export class Pushes {
  dropped = 0;
  #closed = false;
  readonly #options: PushOptions;
  readonly #listeners = new Map<string, Set<Listener>>();
  readonly #streams = new Set<{ end(): void }>();

  constructor(options: PushOptions) {
    this.#options = options;
  }

  get listening(): boolean {
    return this.#listeners.size > 0;
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
    const stream = this.stream<T>(() => unlisten());
    if (!this.#closed) unlisten = this.listen(event, (value) => stream.push(value));
    return stream;
  }

  /** A stream that ends when the client closes. `closed` is told once of its end. */
  stream<T>(closed: (stream: BoundedStream<T>) => void): BoundedStream<T> {
    const stream = new BoundedStream<T>(this.#options.most, {
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

  /** `heard`: somebody else listens to everything. */
  received(frame: FrameView, address: string, heard = false): void {
    const service = readUtf8(frame.bytes, frame.serviceStart, frame.serviceEnd);
    const method = readUtf8(frame.bytes, frame.methodStart, frame.methodEnd);
    const listeners = this.#listeners.get(keyOf(service, method));
    if (listeners === undefined) {
      if (!heard) this.dropped += 1;
      return;
    }
    try {
      const value = this.#options.read(service, method, frame);
      const info: PushInfo = { metadata: readMetadata(frame.bytes, frame.metadataStart, frame.metadataEnd), address };
      const tell = (late: unknown) => this.#tell([...listeners], late, info);
      if (value instanceof Promise) value.then(tell).catch((error: unknown) => this.unreadable(service, method, error));
      else tell(value);
    } catch (error) {
      this.unreadable(service, method, error);
    }
  }

  /** Nobody waits for a push, so the log is the only place where its failure shows. */
  unreadable(service: string, method: string, error: unknown): void {
    this.dropped += 1;
    this.#options.logger.warn({ service, method, err: error }, 'a push could not be read and was dropped');
  }

  close(): void {
    this.#closed = true;
    for (const stream of this.#streams) stream.end();
    this.#listeners.clear();
  }

  #tell(listeners: readonly Listener[], value: unknown, info: PushInfo): void {
    const threw = (error: unknown): void => this.#options.logger.error({ err: error }, 'a listener for pushes threw');
    // Nobody waits for one that is asynchronous: its rejection would end the process.
    for (const listener of listeners) (async () => listener(value, info))().catch(threw);
  }
}

function keyOf(service: string, method: string): string {
  return JSON.stringify([service, method]);
}
