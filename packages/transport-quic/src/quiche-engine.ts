import type { QuicAcceptOptions, QuicConnectOptions, QuicContext, QuicEnding, QuicEndpoint, QuicEngine, QuicEngineConnection, QuicEngineSettings, QuicRetryOptions } from './engine.ts';

interface BindingPath {
  readonly from: QuicEndpoint;
  readonly to: QuicEndpoint;
}
interface BindingError {
  readonly isApp: boolean;
  readonly errorCode: number;
  readonly reason: Uint8Array;
}
interface BindingConnection {
  recv(data: Uint8Array, path: BindingPath): number;
  send(out: Uint8Array): [number, BindingPath] | null;
  timeout(): number | null;
  onTimeout(): void;
  isEstablished(): boolean;
  isDraining(): boolean;
  isClosed(): boolean;
  isTimedOut(): boolean;
  localError(): BindingError | null;
  peerError(): BindingError | null;
  peerCertChain(): Uint8Array[] | null;
  streamRecv(id: number, out: Uint8Array): [number, boolean] | null;
  streamSend(id: number, data: Uint8Array, fin: boolean): number | null;
  streamCapacity(id: number): number;
  sendAckEliciting(): void;
  close(application: boolean, code: number, reason: Uint8Array): void | null;
}
interface BindingConfig {
  setApplicationProtos(protocols: string[]): void;
  setMaxIdleTimeout(ms: number): void;
  setMaxRecvUdpPayloadSize(bytes: number): void;
  setMaxSendUdpPayloadSize(bytes: number): void;
  setInitialMaxData(bytes: number): void;
  setInitialMaxStreamDataBidiLocal(bytes: number): void;
  setInitialMaxStreamDataBidiRemote(bytes: number): void;
  setInitialMaxStreamsBidi(count: number): void;
  setMaxStreamWindow(bytes: number): void;
  setMaxConnectionWindow(bytes: number): void;
  setDisableActiveMigration(on: boolean): void;
  setStatelessResetToken(token: bigint | null): void;
  setCcAlgorithmName(name: string): void;
  enablePacing(on: boolean): void;
}

/** The part of `@matrixai/quic/native/quiche.js` that is used. */
export interface QuicheBinding {
  readonly PROTOCOL_VERSION: number;
  readonly Config: { withBoringSslCtx(verify: boolean, allowFail: boolean, ca: Uint8Array | null, keys: Uint8Array[] | null, certificates: Uint8Array[] | null, algorithms: string | null): BindingConfig };
  readonly Connection: {
    connect(serverName: string | null, sourceId: Uint8Array, local: QuicEndpoint, remote: QuicEndpoint, config: BindingConfig): BindingConnection;
    accept(sourceId: Uint8Array, originalId: Uint8Array | null, local: QuicEndpoint, remote: QuicEndpoint, config: BindingConfig): BindingConnection;
  };
  retry(sourceId: Uint8Array, destinationId: Uint8Array, newId: Uint8Array, token: Uint8Array, version: number, out: Uint8Array): number;
}

/** The engine over quiche's own interface, which the binding hands through. */
export function quicheEngine(binding: QuicheBinding): QuicEngine {
  return {
    name: 'quiche 0.18.0',
    versions: [binding.PROTOCOL_VERSION],
    configure: (settings) => new QuicheContext(binding, settings),
    retry: ({ version, destinationId, sourceId, newId, token }: QuicRetryOptions, out) => binding.retry(sourceId, destinationId, newId, token, version, out),
  };
}

const utf8 = new TextEncoder();

function configOf(binding: QuicheBinding, settings: QuicEngineSettings): BindingConfig {
  const pem = (text: string | undefined): Uint8Array[] | null => (text === undefined ? null : [utf8.encode(text)]);
  // The second argument would let certificates pass that do not hold: never.
  const config = binding.Config.withBoringSslCtx(settings.verify, false, utf8.encode(settings.authorities), pem(settings.privateKey), pem(settings.certificate), null);
  config.setApplicationProtos([...settings.alpn]);
  config.setMaxIdleTimeout(settings.idleTimeoutMs);
  config.setMaxRecvUdpPayloadSize(65_527);
  config.setMaxSendUdpPayloadSize(settings.maxDatagramBytes);
  // Quiche says once how much a connection may send, and not again if that is lost and the reader has read all: nothing would move any more. There is one stream, and its window bounds what is kept.
  config.setInitialMaxData(2 ** 50);
  config.setInitialMaxStreamDataBidiLocal(settings.windowBytes);
  config.setInitialMaxStreamDataBidiRemote(settings.windowBytes);
  // The one stream of rpcx; more would be memory that nobody reads.
  config.setInitialMaxStreamsBidi(settings.side === 'server' ? 1 : 0);
  config.setMaxStreamWindow(settings.maxWindowBytes);
  config.setMaxConnectionWindow(settings.maxWindowBytes);
  config.setDisableActiveMigration(true);
  config.setCcAlgorithmName(settings.congestionControl);
  // Its send times are of no use without a timer finer than a millisecond.
  config.enablePacing(false);
  return config;
}

/** Quiche does not read the zone of a link-local address, which the system needs: `fe80::1%eth0`. */
function withoutZone({ host, port }: QuicEndpoint): QuicEndpoint {
  const at = host.indexOf('%');
  return { host: at === -1 ? host : host.slice(0, at), port };
}
function endsOf(local: QuicEndpoint, remote: QuicEndpoint): BindingPath {
  return { from: withoutZone(remote), to: withoutZone(local) };
}

class QuicheContext implements QuicContext {
  readonly #binding: QuicheBinding;
  readonly #config: BindingConfig;

  constructor(binding: QuicheBinding, settings: QuicEngineSettings) {
    this.#binding = binding;
    this.#config = configOf(binding, settings);
  }

  connect({ serverName, sourceId, local, remote }: QuicConnectOptions): QuicEngineConnection {
    const ends = endsOf(local, remote);
    return new QuicheConnection(this.#binding.Connection.connect(serverName ?? null, sourceId, ends.to, ends.from, this.#config), ends, remote);
  }

  accept({ sourceId, originalId, statelessResetToken, local, remote }: QuicAcceptOptions): QuicEngineConnection {
    // A connection takes a copy of what is configured when it begins.
    this.#config.setStatelessResetToken(statelessResetToken === undefined ? null : BigInt(`0x${Buffer.from(statelessResetToken).toString('hex')}`));
    const ends = endsOf(local, remote);
    return new QuicheConnection(this.#binding.Connection.accept(sourceId, originalId ?? null, ends.to, ends.from, this.#config), ends, remote);
  }
}

class QuicheConnection implements QuicEngineConnection {
  target: QuicEndpoint;
  readonly #native: BindingConnection;
  /** One object for all datagrams that come from where they should. */
  readonly #path: BindingPath;
  readonly #usual: QuicEndpoint;
  readonly #zone: string;
  #established = false;
  #failed = false;

  constructor(native: BindingConnection, path: BindingPath, remote: QuicEndpoint) {
    this.#native = native;
    this.target = this.#usual = remote;
    this.#path = path;
    this.#zone = remote.host.slice(path.from.host.length);
  }

  receive(datagram: Uint8Array, from: QuicEndpoint): boolean {
    const usual = this.#usual;
    const path = from.port === usual.port && from.host === usual.host ? this.#path : { from: withoutZone(from), to: this.#path.to };
    try {
      this.#native.recv(datagram, path);
      return true;
    } catch {
      // A datagram that cannot be read is dropped, as QUIC wants; one that broke the rules or the handshake has left a reason.
      this.#failed ||= this.#native.localError() !== null;
      return this.#failed;
    }
  }

  send(out: Uint8Array): number {
    try {
      const sent = this.#native.send(out);
      if (sent === null) return 0;
      const { to } = sent[1];
      this.target = this.#zone === '' ? to : { host: `${to.host}${this.#zone}`, port: to.port };
      return sent[0];
    } catch {
      return 0;
    }
  }

  timeoutMs(): number | undefined {
    return this.#native.timeout() ?? undefined;
  }

  onTimeout(): void {
    this.#native.onTimeout();
  }

  state(): 'handshake' | 'open' | 'ended' {
    if (this.#failed || this.#native.isDraining() || this.#native.isClosed()) return 'ended';
    this.#established ||= this.#native.isEstablished();
    return this.#established ? 'open' : 'handshake';
  }

  ending(): QuicEnding | undefined {
    if (this.#native.isTimedOut()) return { by: 'silence', application: false, code: 0, reason: '' };
    const peer = this.#native.peerError();
    const error = peer ?? this.#native.localError();
    if (error === null) return this.#native.isClosed() ? { by: 'reset', application: false, code: 0, reason: '' } : undefined;
    return { by: peer === null ? 'here' : 'peer', application: error.isApp, code: error.errorCode, reason: new TextDecoder().decode(error.reason) };
  }

  peerCertificates(): readonly Uint8Array[] {
    return this.#native.peerCertChain() ?? [];
  }

  streamRead(id: number, out: Uint8Array): readonly [bytes: number, fin: boolean] | undefined {
    try {
      return this.#native.streamRecv(id, out) ?? undefined;
    } catch (error) {
      if (isNoStream(error)) return undefined;
      throw error;
    }
  }

  streamWrite(id: number, chunk: Uint8Array, fin: boolean): number {
    try {
      return this.#native.streamSend(id, chunk, fin) ?? 0;
    } catch (error) {
      if (isNoStream(error)) return 0;
      throw error;
    }
  }

  streamDone(id: number): boolean {
    try {
      this.#native.streamCapacity(id);
      return false;
    } catch {
      return true;
    }
  }

  ping(): void {
    this.#native.sendAckEliciting();
  }

  close(application: boolean, code: number, reason: string): void {
    try {
      this.#native.close(application, code, utf8.encode(reason));
    } catch {
      // Closed already.
    }
  }
}

/** The other side has not opened the stream yet, or it is over: there is nothing to read and no room to write. */
function isNoStream(error: unknown): boolean {
  return error instanceof Error && error.message.startsWith('InvalidStreamState');
}
