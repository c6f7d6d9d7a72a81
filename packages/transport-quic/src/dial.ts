import { randomBytes } from 'node:crypto';
import type { X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';
import { onAbort, splitHostPort } from '@rpcxjs/core';
import type { Address, Clock, Connection, DialOptions, Runtime, Timer } from '@rpcxjs/core';
import { connectFailed, errorCode } from '@rpcxjs/transport-tcp';
import type { CurrentContext } from './contexts.ts';
import { DatagramPort } from './datagram-port.ts';
import type { QuicEnding, QuicEndpoint } from './engine.ts';
import { EngineLoop } from './engine-loop.ts';
import { describeCertificate, leafOf } from './peer-certificate.ts';
import { idBytes, isLong } from './packet-header.ts';
import { addressesOf, familyOf, quicAddress } from './quic-address.ts';
import { QuicConnection } from './quic-connection.ts';
import { badCertificateCode, endingError, identityError, QuicError, refusedCode } from './quic-error.ts';
import type { ResolvedQuicOptions } from './quic-options.ts';

export interface QuicDial {
  readonly address: Address;
  readonly current: CurrentContext;
  readonly options: ResolvedQuicOptions;
}

/** Connects and verifies. Rejects with CONNECT_FAILED, or with the signal's reason; the signal means nothing once connected. */
export async function dialQuic(dial: QuicDial, { signal, runtime }: DialOptions): Promise<Connection> {
  if (signal?.aborted) throw signal.reason as Error; // whatever the caller aborted with is what the caller gets
  const { address, options: { handshakeTimeoutMs } } = dial;
  const attempts = new Attempts();
  const unlink = signal === undefined ? undefined : onAbort(signal, (reason) => attempts.stop(reason as Error)); // the caller's own
  const timer = runtime.clock.setTimer(() => {
    attempts.stop(connectFailed(new QuicError('ERR_QUIC_HANDSHAKE_TIMEOUT', `no QUIC server answered within ${handshakeTimeoutMs} ms: is it a QUIC server, and does a firewall drop UDP?`), address));
  }, handshakeTimeoutMs);
  try {
    return await attempts.run(dial, runtime);
  } finally {
    timer.cancel();
    unlink?.();
  }
}

/** One address after the other until one answers; a stop ends the one that is under way. */
class Attempts {
  #stopped: { readonly error: Error } | undefined;
  #onStop: ((error: Error) => void) | undefined;

  stop(error: Error): void {
    if (this.#stopped !== undefined) return;
    this.#stopped = { error };
    this.#onStop?.(error);
  }

  async run(dial: QuicDial, runtime: Runtime): Promise<Connection> {
    const { host, port } = splitHostPort(dial.address.host);
    if (port === 0) throw new TypeError(`"${dial.address.host}" is nobody's address: port 0 can be listened on, not dialled`);
    const hosts = await this.#stoppable(addressesOf(host)).catch((cause: unknown) => { throw this.#blame(cause, dial.address); });
    let last: unknown = new Error('the name has no address');
    for (const [index, each] of hosts.entries()) {
      const handshake = new Handshake(dial, { host: each, port }, runtime);
      // All but the last address get a part of the time: the next one may answer.
      const part = index < hosts.length - 1 ? runtime.clock.setTimer(() => handshake.give(new Error('it did not answer')), dial.options.handshakeTimeoutMs / hosts.length) : undefined;
      try {
        return await this.#stoppable(handshake.run(), (error) => handshake.give(error));
      } catch (cause) {
        if (this.#stopped !== undefined) throw this.#stopped.error;
        last = cause;
      } finally {
        part?.cancel();
      }
    }
    throw connectFailed(last, dial.address);
  }

  #blame(cause: unknown, address: Address): unknown {
    return this.#stopped === undefined ? connectFailed(cause, address) : this.#stopped.error;
  }

  async #stoppable<T>(work: Promise<T>, stop: (error: Error) => void = () => {}): Promise<T> {
    if (this.#stopped !== undefined) stop(this.#stopped.error);
    const stopped = new Promise<never>((_resolve, reject) => {
      this.#onStop = (error) => {
        stop(error);
        reject(error);
      };
    });
    return Promise.race([work, stopped]);
  }
}

// How long a server may still answer in QUIC after somebody did in something else.
const foreignMs = 300;

/** One handshake with one address. */
class Handshake {
  readonly #dial: QuicDial;
  readonly #remote: QuicEndpoint;
  readonly #port: DatagramPort;
  readonly #runtime: Runtime;
  #loop: EngineLoop | undefined;
  #connection: QuicConnection | undefined;
  #settled = false;
  /** A datagram came that may be one of QUIC. */
  #isAnswered = false;
  #foreign: Timer | undefined;
  readonly #outcome: Promise<Connection>;
  #resolve: (connection: Connection) => void = () => {};
  #reject: (error: Error) => void = () => {};

  constructor(dial: QuicDial, remote: QuicEndpoint, runtime: Runtime) {
    this.#dial = dial;
    this.#remote = remote;
    this.#runtime = runtime;
    this.#port = new DatagramPort({ family: familyOf(remote.host), bufferBytes: dial.options.socketBufferBytes, clock: runtime.clock });
    this.#outcome = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
  }

  run(): Promise<Connection> {
    this.#begin().catch((cause: unknown) => this.give(cause as Error)); // an error of the system or of the engine
    return this.#outcome;
  }

  /** Ends the handshake; means nothing once it is done. */
  give(error: Error): void {
    if (this.#settled) return;
    this.#settled = true;
    this.#foreign?.cancel();
    this.#loop?.close(false, refusedCode, 'the handshake was given up');
    this.#port.close();
    this.#reject(error);
  }

  /** The name that the certificate has to be for. */
  get #name(): string {
    const { address, current: { tls } } = this.#dial;
    const { host } = splitHostPort(address.host);
    return tls.given.servername ?? (host === '' ? 'localhost' : host);
  }

  async #begin(): Promise<void> {
    await this.#port.connect(this.#remote);
    if (this.#settled) return;
    const { address: host, port } = this.#port.socket.address();
    const engine = this.#dial.current.context.connect({
      serverName: isIP(this.#name) === 0 ? this.#name : undefined, sourceId: randomBytes(idBytes), local: { host, port }, remote: this.#remote,
    });
    const loop = new EngineLoop({
      engine, port: this.#port, clock: this.#runtime.clock, keepAliveMs: this.#dial.options.keepAliveMs,
      released: (farewell, lingerMs) => this.#released(farewell, lingerMs),
    });
    this.#loop = loop;
    loop.owner = { progress: () => this.#progress(loop), ended: (ending) => this.give(this.#describe(ending)) };
    this.#port.socket.on('message', (datagram) => {
      if (!this.#isAnswered) this.#judge(datagram);
      loop.receive(datagram, this.#remote);
    });
    this.#port.socket.on('error', (cause) => this.#systemSays(cause));
    loop.advance();
  }

  /** A server begins with long headers (RFC 9000 17.2). Anybody could have written something else: it only shortens the wait. */
  #judge(datagram: Buffer): void {
    if (isLong(datagram)) {
      this.#isAnswered = true;
      this.#foreign?.cancel();
    } else if (!this.#settled) {
      this.#foreign ??= this.#runtime.clock.setTimer(() => {
        this.give(new QuicError('ERR_QUIC_FOREIGN_ANSWER', 'the other side answers, and not in QUIC: is it a server of kcp, or of something else?'));
      }, foreignMs);
    }
  }

  #describe(ending: QuicEnding | undefined): Error {
    const { options } = this.#dial;
    return endingError(ending, {
      alpn: options.alpn, chain: this.#loop?.engine.peerCertificates() ?? [], name: this.#name, idleTimeoutMs: options.idleTimeoutMs,
    });
  }

  #progress(loop: EngineLoop): void {
    if (this.#settled || loop.engine.state() !== 'open') return;
    const verified = this.#verify(loop);
    if (verified instanceof Error) {
      loop.close(false, badCertificateCode, '');
      this.give(verified);
      return;
    }
    this.#settled = true;
    const { options } = this.#dial;
    const { address: host, port } = this.#port.socket.address();
    const connection = new QuicConnection({
      loop, dialled: true, local: quicAddress(host, port), remote: quicAddress(this.#remote.host, this.#remote.port),
      certificate: verified && describeCertificate(verified), closeTimeoutMs: options.closeTimeoutMs,
      describe: (ending) => this.#describe(ending),
    });
    loop.owner = this.#connection = connection;
    this.#resolve(connection);
  }

  /** The engine has verified the chain, and the name if there is one; an address, and the name once more, by Node's rules. */
  #verify(loop: EngineLoop): X509Certificate | Error | undefined {
    if (this.#dial.current.tls.given.insecureSkipVerify === true) return undefined;
    const leaf = leafOf(loop.engine.peerCertificates());
    if (leaf === undefined) return new QuicError('ERR_QUIC_TLS', 'the server showed no certificate that can be read');
    return identityError(this.#name, leaf) ?? leaf;
  }

  #systemSays(cause: Error): void {
    if (!this.#settled) this.give(cause);
    // The port was closed, so the server is gone. Everything else may pass, and silence decides.
    else if (errorCode(cause) === 'ECONNREFUSED') this.#connection?.fail(cause);
  }

  #released(farewell: Uint8Array | undefined, lingerMs: number): void {
    if (farewell === undefined || lingerMs <= 0) this.#port.close();
    else linger(this.#port, farewell, lingerMs, this.#runtime.clock);
  }
}

/** Keeps the socket for a moment, for a server that missed the end and goes on. Nothing else of the connection stays. */
function linger(port: DatagramPort, farewell: Uint8Array, lingerMs: number, clock: Clock): void {
  const { socket } = port;
  let answers = 0;
  clock.setTimer(() => port.close(), lingerMs);
  socket.unref().removeAllListeners().on('error', () => {}).on('message', () => { if (answers++ < 3) socket.send(farewell); });
}
