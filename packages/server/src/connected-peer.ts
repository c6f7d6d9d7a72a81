import {
  createContextValues, LazySignal,
  type Address, type Connection, type ContextValues, type Metadata, type MethodRef, type Peer, type PeerCertificate, type RpcError,
} from '@rpcxjs/core';
import { drainStage, drainWord, RpcxSession, type Extension } from '@rpcxjs/session';
import { Dispatcher } from './dispatcher.ts';
import type { PeerServices } from './peer-services.ts';
import { PushWriter } from './push-writer.ts';

/** One client connection, as handlers see it. */
export class ConnectedPeer implements Peer {
  readonly id: string;
  readonly session: RpcxSession;
  readonly dispatcher: Dispatcher;
  /** True after the client was told that nothing more is run, until it answers that nothing more comes. */
  unanswered = false;
  readonly #pushes: PushWriter;
  readonly #services: PeerServices;
  readonly #closed = new LazySignal();
  #values: ContextValues | undefined;

  constructor(id: string, connection: Connection, services: PeerServices, extensions: readonly Extension[]) {
    this.id = id;
    const { options } = services;
    this.#services = services;
    this.dispatcher = new Dispatcher(this, services);
    this.session = new RpcxSession({
      role: 'server',
      connection,
      runtime: options.runtime,
      settings: options.session,
      extensions,
      handler: this.dispatcher,
    });
    this.#pushes = new PushWriter(this.session, services, () => this.dispatcher.lastCodecId);
    this.dispatcher.start(this.session);
  }

  get remote(): Address | undefined {
    return this.session.connection.remote;
  }
  get certificate(): PeerCertificate | undefined {
    return this.session.connection.certificate;
  }
  get values(): ContextValues {
    return (this.#values ??= createContextValues());
  }
  get capabilities(): ReadonlySet<string> {
    return this.session.capabilities;
  }
  get closed(): AbortSignal {
    return this.#closed.signal;
  }

  push<T>(event: MethodRef<'push', T>, value: T, metadata?: Metadata): Promise<void> {
    return this.#pushes.push(event, value, metadata);
  }
  close(): Promise<void> {
    return this.session.close();
  }

  drained(): void {
    this.#pushes.drained();
  }
  agreed(): void {
    // A client that connects while the server is leaving has no other server to go to: it is served as long as the others are.
    if (this.#services.draining()) this.sayGoodbye(drainStage.last);
  }

  /** Whether it can be told that the server is shutting down. */
  get listens(): boolean {
    return this.session.capabilities.has(drainWord);
  }
  /** Tells the client that the server is shutting down, if it knows that message; other peers find out by themselves. */
  sayGoodbye(stage: number): void {
    const { session } = this;
    if (session.ended || !this.listens) return;
    this.dispatcher.flagsReplies = true;
    if (stage === drainStage.last) this.unanswered = true;
    // Another frame is just being encoded: this message follows it.
    if (session.writer.isOpen) void Promise.resolve().then(() => this.sayGoodbye(stage));
    else session.sendControl(drainWord, 0, stage);
  }
  disconnected(reason: RpcError): void {
    this.#pushes.closed(reason);
    this.#closed.abort(reason);
  }
}
