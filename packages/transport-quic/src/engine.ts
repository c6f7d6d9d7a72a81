/** A literal IP address and a port. */
export interface QuicEndpoint {
  readonly host: string;
  readonly port: number;
}

/** What an engine is told about all connections of one side of one transport. */
export interface QuicEngineSettings {
  readonly side: 'client' | 'server';
  /** The protocols offered, or taken, most wanted first. */
  readonly alpn: readonly string[];
  /** PEM, the leaf first. */
  readonly certificate?: string | undefined;
  /** PEM of PKCS #8, not encrypted. */
  readonly privateKey?: string | undefined;
  /** PEM of those who may sign the other side's certificate. */
  readonly authorities: string;
  /** A client: the server's certificate must be signed by an authority and be for the server name. A server: clients must show one that an authority signed. */
  readonly verify: boolean;
  /** Silence that ends a connection, in milliseconds. */
  readonly idleTimeoutMs: number;
  /** The largest datagram to send. */
  readonly maxDatagramBytes: number;
  /** What the other side may send ahead of the reader at first, and at most. */
  readonly windowBytes: number;
  readonly maxWindowBytes: number;
  readonly congestionControl: 'cubic' | 'reno' | 'bbr';
}

export interface QuicConnectOptions {
  /** For SNI and, with `verify`, the check of the certificate. Undefined for an IP address: the transport checks the name itself. */
  readonly serverName: string | undefined;
  readonly sourceId: Uint8Array;
  readonly local: QuicEndpoint;
  readonly remote: QuicEndpoint;
}
export interface QuicAcceptOptions {
  readonly sourceId: Uint8Array;
  /** The first destination id of the client, when a Retry packet came between. */
  readonly originalId?: Uint8Array | undefined;
  /** Sixteen bytes for the transport parameter of that name. An engine that has none of it leaves it out. */
  readonly statelessResetToken?: Uint8Array | undefined;
  readonly local: QuicEndpoint;
  readonly remote: QuicEndpoint;
}
export interface QuicRetryOptions {
  readonly version: number;
  /** Both ids of the client's packet. */
  readonly destinationId: Uint8Array;
  readonly sourceId: Uint8Array;
  /** The id that the client shall use from now on. */
  readonly newId: Uint8Array;
  readonly token: Uint8Array;
}

/** Why a connection ends. */
export interface QuicEnding {
  /** `reset`: the other side does not know the connection, by its stateless reset. */
  readonly by: 'here' | 'peer' | 'silence' | 'reset';
  /** The code is one of the application, not of QUIC. */
  readonly application: boolean;
  /** RFC 9000 §20; a TLS alert is 0x100 plus its number. */
  readonly code: number;
  readonly reason: string;
}

/**
 * One QUIC connection without a socket and without a clock: datagrams go in by `receive` and come out by `send`, and `onTimeout` is called when
 * `timeoutMs` is over. Nothing throws but `streamRead` and `streamWrite`, when the other side gave the stream up.
 */
export interface QuicEngineConnection {
  /** May change the bytes. False when there was nothing for this connection in it. */
  receive(datagram: Uint8Array, from: QuicEndpoint): boolean;
  /** Writes the next datagram and returns its size; 0 when there is none. */
  send(out: Uint8Array): number;
  /** Where the datagram that was just written has to go. */
  readonly target: QuicEndpoint;
  /** Milliseconds until `onTimeout` is due; undefined when nothing is. */
  timeoutMs(): number | undefined;
  onTimeout(): void;
  /** `ended`: closed by either side or by silence; nothing more can be sent, what was received can still be read. */
  state(): 'handshake' | 'open' | 'ended';
  /** Set once the state is `ended`, and during a handshake that just failed. */
  ending(): QuicEnding | undefined;
  /** The other side's certificates, DER, the leaf first; also after a handshake that failed because of them. */
  peerCertificates(): readonly Uint8Array[];
  /** Undefined when there is nothing to read now. */
  streamRead(id: number, out: Uint8Array): readonly [bytes: number, fin: boolean] | undefined;
  /** Copies what congestion control and the other side's window allow, and returns how much that was. */
  streamWrite(id: number, chunk: Uint8Array, fin: boolean): number;
  /** Both sides ended the stream, all was read, and the other side has acknowledged all. */
  streamDone(id: number): boolean;
  /** Sends something that the other side has to acknowledge. */
  ping(): void;
  close(application: boolean, code: number, reason: string): void;
}

/** What an engine made of settings: certificates are parsed once. */
export interface QuicContext {
  connect(options: QuicConnectOptions): QuicEngineConnection;
  accept(options: QuicAcceptOptions): QuicEngineConnection;
}

/** An implementation of QUIC without I/O. The default one is quiche; `quic({ engine })` takes any. */
export interface QuicEngine {
  /** With its version, for messages. */
  readonly name: string;
  readonly versions: readonly number[];
  /** Throws for a certificate or key that it cannot use. */
  configure(settings: QuicEngineSettings): QuicContext;
  /** Writes a Retry packet and returns its size. */
  retry(options: QuicRetryOptions, out: Uint8Array): number;
}
