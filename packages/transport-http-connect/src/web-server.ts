import type { IncomingMessage, Server as HttpServer } from 'node:http';
import type { Server as HttpsServer } from 'node:https';
import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { Server as TlsServer, TLSSocket } from 'node:tls';
import type { Clock, Connection, Timer } from '@rpcxjs/core';
import { afterAnswers, connectionOf, socketEnds } from '@rpcxjs/transport-tcp';
import { refusals, refusalText, pathOf, welcomeReply } from './connect-accept.ts';
import { HeaderBlock, mayBegin, mostHeaderBytes } from './header-block.ts';

export type WebServer = HttpServer | HttpsServer;

/** What takes the CONNECTs of one path. */
export interface WebDoor {
  readonly clock: Clock;
  readonly timeoutMs: number;
  readonly closeTimeoutMs: number;
  accept(connection: Connection): void;
}

type TakeSocket = (this: WebServer, socket: Socket) => void;

/** A connection whose first bytes do not say yet whether it is for HTTP. */
interface Visitor {
  readonly since: number;
  readonly heldPort: boolean;
  /** What came so far is `bytes` up to `length`. */
  bytes: Buffer;
  length: number;
  readonly head: HeaderBlock;
  leave(): void;
}

const sweepMs = 500;
const method = 'CONNECT ';
const attached = new WeakMap<WebServer, AttachedServer>();

/**
 * An HTTP server with rpcx on some of its paths. Node's parser refuses the bare line feeds of rpcx, so the first bytes of a connection are
 * read before it gets it; what is no CONNECT of a path here goes on to it untouched.
 */
export class AttachedServer {
  readonly #server: WebServer;
  readonly #event: 'connection' | 'secureConnection';
  readonly #original: TakeSocket;
  readonly #doors = new Map<string, WebDoor>();
  readonly #visitors = new Map<Socket, Visitor>();
  #sweep: Timer | undefined;

  /** The one of a server. Throws when it is no server of node:http or node:https. */
  static of(server: WebServer): AttachedServer {
    const known = attached.get(server) ?? new AttachedServer(server);
    attached.set(server, known);
    return known;
  }

  private constructor(server: WebServer) {
    this.#server = server;
    this.#event = server instanceof TlsServer ? 'secureConnection' : 'connection';
    // Node names it so (lib/_http_server.js), in 20, 22 and 24; those of the server's owner stay as they are.
    const original = server.listeners(this.#event).find(({ name }) => name === 'connectionListener');
    if (original === undefined) throw new Error('it is no server of node:http or node:https: give what their createServer() returned');
    this.#original = original as TakeSocket; // what Node calls with each socket
  }

  /** False when the path is taken. */
  add(path: string, door: WebDoor): boolean {
    if (this.#doors.has(path)) return false;
    if (this.#doors.size === 0) this.#server.off(this.#event, this.#original as () => void).on(this.#event, this.#meet).on('connect', this.#asked); // the two events have one shape
    this.#doors.set(path, door);
    return true;
  }

  remove(path: string): void {
    if (!this.#doors.delete(path) || this.#doors.size > 0) return;
    this.#server.off(this.#event, this.#meet).off('connect', this.#asked).on(this.#event, this.#original as () => void); // as in add()
    this.#sweep?.cancel();
    this.#sweep = undefined;
    for (const [socket, visitor] of this.#visitors) this.#handOver(socket, visitor);
  }

  readonly #meet = (socket: Socket): void => {
    const [door] = this.#doors.values();
    if (door === undefined) return;
    const data = (chunk: Buffer): void => this.#read(socket, visitor, chunk);
    const gone = (): void => {
      visitor.leave();
      socket.destroy();
    };
    const visitor: Visitor = {
      since: door.clock.now(), heldPort: this.#server.listening, bytes: Buffer.alloc(0), length: 0, head: new HeaderBlock(),
      leave: () => {
        this.#visitors.delete(socket);
        socket.off('data', data).off('end', gone).off('error', gone).off('close', gone);
      },
    };
    this.#visitors.set(socket, visitor);
    socket.on('data', data).once('end', gone).once('error', gone).once('close', gone);
    this.#sweepLater(door);
  };

  #read(socket: Socket, visitor: Visitor, chunk: Buffer): void {
    keep(visitor, chunk);
    const bytes = visitor.bytes.subarray(0, visitor.length);
    if (!mayBegin(bytes, method) || bytes.length > mostHeaderBytes) {
      this.#handOver(socket, visitor);
      return;
    }
    const end = visitor.head.end(bytes);
    const target = targetOf(visitor.head.firstLine(bytes));
    if (target === undefined) return;
    const door = this.#doors.get(pathOf(target));
    // Another path: the CONNECT goes to other listeners.
    if (door === undefined && (this.#hasOthers() || !target.startsWith('/'))) this.#handOver(socket, visitor);
    else if (end === undefined) return;
    else {
      visitor.leave();
      if (door === undefined) refuse(socket);
      else this.#take(socket, door, bytes.subarray(end));
    }
  }

  /** A CONNECT after other requests of its connection, as HTTP's own parser has it. Whoever else listens for CONNECT would answer, too: it is theirs. */
  readonly #asked = ({ url = '' }: IncomingMessage, stream: Duplex, rest: Buffer): void => {
    if (this.#hasOthers()) return;
    const socket = stream as Socket; // its type allows for any stream; #take() does, too
    const door = this.#doors.get(pathOf(url));
    if (door !== undefined) afterAnswers(socket, () => this.#take(socket, door, rest));
    else if (url.startsWith('/')) refuse(socket);
    // As Node does when nobody listens.
    else socket.on('error', () => {}).destroy();
  };

  #hasOthers(): boolean {
    return this.#server.listeners('connect').some((listener) => listener !== this.#asked);
  }

  #take(socket: Socket, door: WebDoor, rest: Buffer): void {
    socket.pause();
    if (rest.length > 0) socket.unshift(rest);
    const connection = connectionOf(socket, {
      ...socketEnds('http', socket), clock: door.clock, closeTimeoutMs: door.closeTimeoutMs,
      // The owner of the server may have given its 'connection' event something that is not a socket.
      resets: socket instanceof Socket && !(socket instanceof TLSSocket),
    });
    connection.write(welcomeReply);
    door.accept(connection);
  }

  #handOver(socket: Socket, visitor: Visitor): void {
    visitor.leave();
    socket.pause();
    if (visitor.length > 0) socket.unshift(visitor.bytes.subarray(0, visitor.length));
    Reflect.apply(this.#original, this.#server, [socket]);
    socket.resume();
  }

  /** HTTP servers have time limits of their own for silent clients, and end idle connections with the port. */
  #sweepLater(door: WebDoor): void {
    this.#sweep ??= door.clock.setTimer(() => {
      this.#sweep = undefined;
      const latest = door.clock.now() - door.timeoutMs;
      for (const [socket, visitor] of this.#visitors) {
        if (visitor.heldPort && !this.#server.listening) {
          visitor.leave();
          socket.destroy();
        } else if (visitor.since <= latest) this.#handOver(socket, visitor);
      }
      if (this.#visitors.size > 0) this.#sweepLater(door);
    }, sweepMs);
  }
}

function refuse(socket: Socket): void {
  socket.on('error', () => {}).end(refusalText(refusals.notFound), () => socket.destroy());
}

function keep(visitor: Visitor, chunk: Buffer): void {
  const needed = visitor.length + chunk.length;
  if (needed > visitor.bytes.length) {
    const larger = Buffer.allocUnsafe(Math.max(needed, visitor.bytes.length * 2, 64));
    visitor.bytes.copy(larger, 0, 0, visitor.length);
    visitor.bytes = larger;
  }
  chunk.copy(visitor.bytes, visitor.length);
  visitor.length = needed;
}

/** Of a whole request line; undefined while it is not whole. A line that is none has an empty one. */
function targetOf(line: string): string | undefined {
  if (line === '') return undefined;
  return /^CONNECT ([^ ]+) HTTP\/1\.\d$/.exec(line)?.[1] ?? '';
}
