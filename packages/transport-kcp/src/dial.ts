import { randomBytes } from 'node:crypto';
import type { Socket } from 'node:dgram';
import { onAbort } from '@rpcxjs/core';
import type { Address, Connection, DialOptions, Timer } from '@rpcxjs/core';
import { connectFailed } from '@rpcxjs/transport-tcp';
import { controlKind } from './control.ts';
import type { Control } from './control.ts';
import { DatagramWriter, openDatagram, unreadableNotice } from './datagram-writer.ts';
import type { DatagramCipher } from './datagram-cipher.ts';
import { KcpConnection } from './kcp-connection.ts';
import type { ResolvedKcpOptions } from './kcp-options.ts';
import { Pulse } from './pulse.ts';
import { readShard } from './shard.ts';
import { endOf, openUdpSocket, resolveHosts, sendNow, widenBuffers } from './udp-socket.ts';
import type { ResolvedHost } from './udp-socket.ts';

// Enough for a true answer to come in between.
const misunderstoodMs = 300;
// Nine in three seconds: on a path that loses every tenth datagram one dial in a million finds no answer.
const [firstHelloMs, longestHelloMs] = [100, 500];

/**
 * Opens a socket of its own, begins a conversation and waits until the other side answers; of several addresses of a name one after the other.
 * Rejects with CONNECT_FAILED, or with the signal's reason.
 */
export async function dialKcp(address: Address, options: ResolvedKcpOptions, dialOptions: DialOptions): Promise<Connection> {
  const { signal, runtime: { clock } } = dialOptions;
  if (signal?.aborted) throw signal.reason as Error; // whatever the caller aborted with is what the caller gets
  const latest = clock.now() + options.connectTimeoutMs;
  const hosts = await lookUp(address, options, dialOptions);
  if (hosts[0]?.port === 0) throw new TypeError(`"${address.host}" is nobody's address: port 0 can be listened on, not dialled`);
  let last: unknown;
  for (const [index, where] of hosts.entries()) {
    try {
      const timeoutMs = (latest - clock.now()) / (hosts.length - index);
      return await new Promise((resolve, reject) => new Dialling({ address, where, timeoutMs, options, dialOptions, resolve, reject }).begin());
    } catch (error) {
      if (signal?.aborted) throw error;
      last = error;
    }
  }
  throw last;
}

/** As in Go, no host is this machine. */
function lookUp(address: Address, options: ResolvedKcpOptions, { signal, runtime: { clock } }: DialOptions): Promise<readonly ResolvedHost[]> {
  return new Promise<readonly ResolvedHost[]>((resolve, reject) => {
    const settle = (): void => {
      timer.cancel();
      unlink();
    };
    const fail = (error: unknown): void => {
      settle();
      reject(error);
    };
    const timer = clock.setTimer(() => fail(connectFailed(new Error(`the look-up of its name took longer than ${options.connectTimeoutMs} ms`), address)), options.connectTimeoutMs);
    const unlink = signal === undefined ? (): void => {} : onAbort(signal, fail);
    resolveHosts(address, 'localhost').then((hosts) => {
      settle();
      resolve(hosts);
    }, (cause: unknown) => fail(cause instanceof TypeError ? cause : connectFailed(cause, address)));
  });
}

interface DiallingInit {
  readonly address: Address;
  readonly where: ResolvedHost;
  readonly timeoutMs: number;
  readonly options: ResolvedKcpOptions;
  readonly dialOptions: DialOptions;
  resolve(connection: Connection): void;
  reject(error: Error): void;
}

class Dialling {
  readonly #init: DiallingInit;
  readonly #pulse: Pulse;
  readonly #cipher: DatagramCipher;
  #timer: Timer | undefined;
  #unlink = (): void => {};
  #settled = false;
  #isMisunderstood = false;
  #socket: Socket | undefined;
  #connection: KcpConnection | undefined;
  #cookie = 0n;
  #helloGapMs = firstHelloMs;
  /** Anything but a request to say hello again shows that the other side has taken the conversation. */
  #isTaken = false;

  constructor(init: DiallingInit) {
    this.#init = init;
    this.#pulse = new Pulse(init.dialOptions.runtime.clock);
    this.#cipher = init.options.makeCipher();
  }

  begin(): void {
    const { address, where, timeoutMs, options, dialOptions: { signal, runtime } } = this.#init;
    this.#timer = runtime.clock.setTimer(() => this.#fail(silence(address, options)), timeoutMs);
    if (signal !== undefined) this.#unlink = onAbort(signal, (reason) => this.#fail(reason as Error)); // the caller's own
    if (this.#settled) return;
    const socket = (this.#socket = openUdpSocket(where.family));
    socket.on('error', (cause) => this.#broke(cause));
    const connected = (cause?: Error): void => {
      if (this.#settled) return;
      if (cause !== undefined) {
        this.#broke(cause);
        return;
      }
      widenBuffers(socket);
      this.#connection = this.#converse(socket, where);
      socket.on('message', (datagram) => this.#receive(datagram));
      this.#hello();
    };
    // With a callback Node says there, and not by 'error', that there is no way to the address; its types do not know that.
    socket.connect(where.port, where.host, connected);
  }

  #converse(socket: Socket, where: ResolvedHost): KcpConnection {
    const { options } = this.#init;
    const { fec, mtuBytes, closeTimeoutMs } = options;
    const random = randomBytes(8);
    return new KcpConnection({
      id: random.readUInt32LE(0), epoch: random.readUInt32LE(4), options, closeTimeoutMs,
      target: { port: where.port, address: where.host },
      pulse: this.#pulse,
      writer: new DatagramWriter({ cipher: this.#cipher, fec, mtuBytes, send: (bytes, length) => sendNow(socket, bytes, length) }),
      local: endOf(socket.address()),
      remote: endOf({ address: where.host, port: where.port }),
      greeting: (control, connection) => this.#greeted(control, connection),
      greetingOverdue: () => this.#hello(),
      heard: () => this.#heard(),
      ended: () => this.#ended(),
    });
  }

  /** A window probe, which a Go server answers, too; when to say it again. */
  #hello(): number {
    if (this.#settled) return Infinity;
    this.#connection?.conversation.sendControl(controlKind.hello, 0, this.#cookie);
    const next = this.#pulse.now() + this.#helloGapMs;
    this.#connection?.conversation.remind(next);
    this.#helloGapMs = Math.min(longestHelloMs, this.#helloGapMs * 1.5);
    return next;
  }

  #greeted(control: Control, connection: KcpConnection): void {
    if (control.kind === controlKind.retry && !this.#settled && this.#cookie !== control.cookie) {
      this.#cookie = control.cookie;
      this.#isTaken = false;
      this.#hello();
    } else if (control.kind === controlKind.welcome) {
      connection.isOurs = true;
      connection.conversation.sendControl(controlKind.proof, 0, control.cookie);
    }
  }

  #heard(): void {
    const connection = this.#connection;
    if (this.#settled || connection === undefined || connection.isClosed || !this.#isTaken) return;
    this.#settle();
    this.#init.resolve(connection);
  }

  #receive(datagram: Buffer): void {
    const connection = this.#connection;
    const plain = openDatagram(datagram, this.#cipher);
    if (plain === undefined && !this.#isTaken) this.#misunderstood(datagram.equals(unreadableNotice));
    if (plain === undefined || connection === undefined || connection.isClosed) return;
    const { conversation } = connection;
    const shard = readShard(plain, this.#init.options.fec);
    if (shard === undefined) return;
    if (shard.sequence !== undefined) conversation.receiveShard(shard.sequence, plain, shard.from, plain.length);
    if (shard.segmentsAt === undefined) return;
    this.#isTaken = true;
    conversation.receive(plain, shard.segmentsAt, true);
  }

  /** The server says that it cannot read this side. Anybody could have written that, so it only shortens the wait. */
  #misunderstood(saysSo: boolean): void {
    const { address, options: { cipher, fec }, dialOptions: { runtime } } = this.#init;
    if (this.#settled || this.#isMisunderstood) return;
    this.#isMisunderstood = true;
    this.#timer?.cancel();
    const why = saysSo ? 'the server cannot read what this side sends: its cipher, key or FEC is another' : 'this side cannot read what the server answers: it speaks another protocol, such as QUIC, or its cipher or key is another';
    const what = `${why}; compare cipher (here ${cipher}), key (if derived: password, salt and iterations) and FEC (here ${fec ? '10/3' : 'off'})`;
    this.#timer = runtime.clock.setTimer(() => this.#fail(connectFailed(new Error(what), address)), misunderstoodMs);
  }

  #broke(cause: Error): void {
    const { address } = this.#init;
    if (!this.#settled) this.#fail(connectFailed(cause, address));
    else this.#connection?.unreachable(cause);
  }

  /** A conversation that ended before it was accepted was refused, or given up here. */
  #ended(): void {
    this.#close();
    if (this.#settled) return;
    this.#fail(connectFailed(new Error('the other side takes no conversation: its listener is closed'), this.#init.address));
  }

  #fail(error: Error): void {
    if (this.#settled) return;
    this.#settle();
    const connection = this.#connection;
    if (connection !== undefined) {
      // Whether our kind is there is not known yet; a Go peer is not disturbed.
      connection.isOurs = true;
      connection.abort(error);
    }
    this.#close();
    this.#init.reject(error);
  }

  #settle(): void {
    this.#settled = true;
    this.#timer?.cancel();
    this.#unlink();
  }

  #close(): void {
    const socket = this.#socket;
    this.#socket = undefined;
    try {
      socket?.close();
    } catch {
      // It was never open.
    }
  }
}

/** The error after silence. KCP cannot tell a lost datagram from one that the other side could not read, so it names all possible causes. */
function silence(address: Address, options: ResolvedKcpOptions): Error {
  const what = `no answer within ${options.connectTimeoutMs} ms, and KCP cannot tell why: does a KCP server listen there, does a firewall drop UDP, and does the server have the same`
    + ` cipher (here ${options.cipher}), the same key (if derived: password, salt and iterations) and the same FEC (here ${options.fec ? '10/3' : 'off'})?`;
  return connectFailed(new Error(what), address);
}
