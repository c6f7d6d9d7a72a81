import {
  createContextValues, LazySignal,
  type Address, type Connection, type ContextValues, type Metadata, type MethodRef, type Peer, type PeerCertificate, type RpcError,
} from '@rpcxjs/core';
import { drainStage, drainWord, RpcxSession, type Extension } from '@rpcxjs/session';
import { Dispatcher } from './dispatcher.ts';
import type { PeerServices } from './peer-services.ts';
import { PushWriter } from './push-writer.ts';

/** One client as handlers see it, and what belongs to its connection. */
export class ConnectedPeer implements Peer {
  readonly id: string;
  readonly session: RpcxSession;
  readonly dispatcher: Dispatcher;
  /** It was told that nothing more is run, and has not said yet that nothing more comes. */
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
    // Who comes while the server leaves has no better place to go: it is served as long as anybody is.
    if (this.#services.draining()) this.sayGoodbye(drainStage.last);
  }

  /** It can be told that the server goes. */
  get listens(): boolean {
    return this.session.capabilities.has(drainWord);
  }
  /** To a peer that agreed on it; all others find out by themselves. */
  sayGoodbye(stage: number): void {
    const { session } = this;
    if (session.ended || !this.listens) return;
    this.dispatcher.flagsReplies = true;
    if (stage === drainStage.last) this.unanswered = true;
    // Within a frame that is being encoded there is no place for another one.
    if (session.writer.isOpen) void Promise.resolve().then(() => this.sayGoodbye(stage));
    else session.sendControl(drainWord, 0, stage);
  }
  disconnected(reason: RpcError): void {
    this.#pushes.closed(reason);
    this.#closed.abort(reason);
  }
}
