import { readUtf8, type Metadata, type MethodRef } from '@rpcxjs/core';
import { readMetadata, type FrameView } from '@rpcxjs/protocol';
import type { ResolvedClientOptions } from './client-options.ts';
import { readPayload } from './reply-reader.ts';

/** A message that a server sent by itself, with where it came from. */
export interface PushInfo {
  readonly metadata: Metadata;
  readonly address: string;
}
type Listener = (value: unknown, info: PushInfo) => void;

/** Hands the servers' own messages to whoever listens; without a listener they are dropped, as in Go. */
export class Pushes {
  dropped = 0;
  #closed = false;
  readonly #options: ResolvedClientOptions;
  readonly #listeners = new Map<string, Set<Listener>>();
  readonly #readers = new Set<() => void>();

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
    const queue: T[] = [];
    const waiting: ((result: IteratorResult<T>) => void)[] = [];
    let done = this.#closed;
    const unlisten = this.listen(event, (value) => {
      const next = waiting.shift();
      if (next !== undefined) {
        next({ value, done: false });
        return;
      }
      if (queue.length >= this.#options.limits.maxQueuedPushes) {
        queue.shift();
        this.dropped += 1;
      }
      queue.push(value);
    });
    const end = () => {
      done = true;
      unlisten();
      this.#readers.delete(end);
      for (const next of waiting.splice(0)) next({ value: undefined, done: true });
    };
    this.#readers.add(end);
    const iterator: AsyncIterableIterator<T> & Disposable = {
      next: () => {
        if (queue.length > 0) return Promise.resolve({ value: queue.shift() as T, done: false });
        if (done) return Promise.resolve({ value: undefined, done: true });
        return new Promise((resolve) => waiting.push(resolve));
      },
      return: () => {
        queue.length = 0;
        end();
        return Promise.resolve({ value: undefined, done: true });
      },
      [Symbol.asyncIterator]: () => iterator,
      [Symbol.dispose]: end,
    };
    return iterator;
  }

  received(frame: FrameView, address: string): void {
    const service = readUtf8(frame.bytes, frame.serviceStart, frame.serviceEnd);
    const method = readUtf8(frame.bytes, frame.methodStart, frame.methodEnd);
    const listeners = this.#listeners.get(keyOf(service, method));
    if (listeners === undefined) {
      this.dropped += 1;
      return;
    }
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
    for (const end of this.#readers) end();
    this.#listeners.clear();
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
