import type { Address } from './address.ts';
import type { Runtime } from './runtime.ts';

/** What a session gives to a connection. Called in order; nothing comes after `closed`. */
export interface ConnectionSink {
  /** `chunk` is valid during this call only: the transport may read into the same memory again. Not called again before it has returned. */
  data(chunk: Uint8Array): void;
  /** The connection can take more after `write` returned false. */
  drain(): void;
  /** `undefined` means that the other side ended cleanly. */
  closed(reason: Error | undefined): void;
}

/** An ordered, reliable stream of bytes. It knows nothing of messages. */
export interface Connection {
  readonly local: Address | undefined;
  readonly remote: Address | undefined;
  /** Present on mutual TLS, after verification. */
  readonly certificate?: PeerCertificate | undefined;
  /** Bytes accepted by `write` and not yet handed to the system; 0 means that the buffer just written may be reused. */
  readonly bufferedBytes: number;
  /** Begins delivery; bytes that came earlier are kept for it. Call once. */
  start(sink: ConnectionSink): void;
  /** False asks the caller to wait for `drain`; the chunk is accepted either way. */
  write(chunk: Uint8Array): boolean;
  pause(): void;
  resume(): void;
  /** Sends what is queued, then ends. Safe to call twice. */
  close(): Promise<void>;
  /** Drops what is queued and ends now. */
  abort(reason?: Error): void;
}
export interface PeerCertificate {
  readonly subject: string;
  readonly alternativeNames: readonly string[];
  readonly fingerprint256: string;
}

export interface DialOptions {
  readonly signal?: AbortSignal | undefined;
  readonly runtime: Runtime;
}
export interface ListenOptions extends DialOptions {
  accept(connection: Connection): void;
}
/** Stops taking connections; those already accepted belong to whoever accepted them. */
export interface Listener extends AsyncDisposable {
  readonly address: Address;
  close(): Promise<void>;
}
export interface Dialer {
  readonly networks: readonly string[];
  dial(address: Address, options: DialOptions): Promise<Connection>;
}
export interface Acceptor {
  readonly networks: readonly string[];
  listen(address: Address, options: ListenOptions): Promise<Listener>;
}
/** A browser transport implements `Dialer` only. */
export interface Transport extends Dialer, Acceptor {}
