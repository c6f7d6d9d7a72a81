import { createMetadata, intercept, RpcError, type Handle, type Metadata, type MethodRef, type Push } from '@rpcxjs/core';
import { flag, headerBytes, writeFrame } from '@rpcxjs/protocol';
import type { RpcxSession } from '@rpcxjs/session';
import { checkEvent } from './composed-options.ts';
import type { PeerServices } from './peer-services.ts';

// Pushes that may wait for one peer, so that one that reads too slowly does not take all memory. A program that awaits each push never has more than one waiting.
const mostWaiting = 16_384;
const settled = Promise.resolve();

interface Waiting {
  readonly message: Push;
  readonly written: () => void;
  readonly fail: (error: unknown) => void;
}

/** Sends pushes: one-way requests, numbered by the server (rpcx server/server_response.go, SendMessage). */
export class PushWriter {
  readonly #session: RpcxSession;
  readonly #services: PeerServices;
  readonly #peerCodec: () => number;
  #chain: Handle<Push, void> | undefined;
  /** In the order of the pushes; those before the index `#next` have been written. */
  #waiting: Waiting[] = [];
  #next = 0;
  /** One error for all pushes that are refused until some are written: making an error costs more than a push. */
  #full: RpcError | undefined;

  constructor(session: RpcxSession, services: PeerServices, peerCodec: () => number) {
    this.#session = session;
    this.#services = services;
    this.#peerCodec = peerCodec;
  }

  /** Resolves when the transport has the message; waits while the peer does not read, rejects when too many wait for it, or when it is gone. */
  async push<T>(event: MethodRef<'push', T>, value: T, metadata?: Metadata): Promise<void> {
    checkEvent(event);
    const message: Push = { service: event.service, method: event.name, metadata: createMetadata(metadata), value };
    await (this.#chain ??= this.#compose())(message);
  }

  /** Composes the interceptors once for each connection, because a message does not say where it goes. */
  #compose(): Handle<Push, void> {
    const interceptors = this.#services.options.plugins.flatMap(({ interceptPush }) => interceptPush ?? []);
    return intercept(interceptors, (last: Push) => this.#send(last));
  }

  /** Writes what waits, as much as the peer takes. */
  drained(): void {
    while (this.#next < this.#waiting.length && this.#session.writable) {
      // Writing may call `drained` again, when the peer takes the bytes at once: the index moves first.
      const { message, written, fail } = this.#waiting[this.#next++] as Waiting;
      try {
        this.#write(message);
        written();
      } catch (error) {
        fail(error);
      }
    }
    this.#waiting.splice(0, this.#next);
    this.#next = 0;
    this.#full = undefined;
    if (this.#waiting.length > 0 && this.#session.writer.isOpen) this.#afterFrame();
  }
  closed(error: RpcError): void {
    const waiting = this.#waiting.slice(this.#next);
    this.#waiting = [];
    this.#next = 0;
    for (const { fail } of waiting) fail(error);
  }

  async #send(message: Push): Promise<void> {
    if (this.#waiting.length === 0 && this.#session.writable) this.#write(message);
    else await this.#wait(message);
    // The bytes of this turn are flushed by a microtask that was queued before this one.
    await settled;
  }

  #wait(message: Push): Promise<void> {
    const { ended, writer } = this.#session;
    if (ended) throw new RpcError('unavailable', `the peer of the push ${message.service}.${message.method} has disconnected`, { reason: 'CLOSED', sent: false });
    if (this.#waiting.length - this.#next >= mostWaiting) {
      const text = `${mostWaiting} pushes wait already for this peer, which reads slowly: await each push, or leave some out`;
      throw (this.#full ??= new RpcError('resource_exhausted', text, { reason: 'OVERLOADED', sent: false }));
    }
    if (writer.isOpen) this.#afterFrame();
    return new Promise<void>((written, fail) => this.#waiting.push({ message, written, fail }));
  }

  /** A push from within an encoder waits for that frame only. */
  #afterFrame(): void {
    void settled.then(() => this.drained());
  }

  #write({ service, method, metadata, value }: Push): void {
    const { codecs, defaultCodec, limits } = this.#services.options;
    const peerCodec = this.#peerCodec();
    // Bytes go as they are, as in Go; anything else in the codec that the peer itself uses, unless it sends bytes only.
    const codec = (value instanceof Uint8Array ? codecs[0] : peerCodec > 0 ? codecs[peerCodec] : undefined) ?? defaultCodec;
    const { writer } = this.#session;
    const length = writeFrame(writer, {
      service,
      method,
      codecId: codec.id,
      flags: flag.oneway,
      sequenceHigh: 0,
      sequenceLow: this.#services.nextPushSequence(),
      metadata: Object.keys(metadata).length === 0 ? undefined : metadata,
      payload(into) {
        codec.encode(value, into);
        // A frame that is too large would end the connection on the other side.
        const bytes = writer.frameBytes - headerBytes;
        if (bytes > limits.maxFrameBytes) throw tooLarge(service, method, bytes, limits.maxFrameBytes);
      },
    });
    this.#services.pushed();
    this.#services.options.frames?.written(service, method, length);
    this.#session.frameWritten(4096);
    this.#services.options.unread.written(this.#session);
  }
}

function tooLarge(service: string, method: string, bytes: number, allowed: number): RpcError {
  const message = `the push ${service}.${method} takes ${bytes} bytes, and ${allowed} are allowed; send less at once or raise limits.maxFrameBytes`;
  return new RpcError('resource_exhausted', message, { reason: 'TOO_LARGE', sent: false });
}
