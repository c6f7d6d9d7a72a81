import { onAbort } from '@rpcxjs/core';
import type { Address, Connection, DialOptions } from '@rpcxjs/core';
import { connectFailed, errorCode, PeekedConnection } from '@rpcxjs/transport-tcp';
import { firstBytes, guessOf, HeaderBlock, mayBegin, mostHeaderBytes } from './header-block.ts';
import { HttpRefusal } from './http-refusal.ts';

/** What a dial asks for. */
export interface ConnectRequest {
  readonly address: Address;
  readonly path: string;
  /** The further header lines, each with its line end. */
  readonly headerLines: string;
  readonly timeoutMs: number;
  readonly secure: boolean;
}

// rpcx compares the whole text (`client/connection.go` connected).
const welcome = '200 Connected to rpcx';

/** Asks on a connection that has just been made, and returns it once it was answered. Whatever else happens, it is aborted. */
export function askConnect(below: Connection, request: ConnectRequest, options: DialOptions): Promise<Connection> {
  const { signal, runtime: { clock } } = options;
  return new Promise((resolve, reject) => {
    const connection = new PeekedConnection(below);
    const reply = new ReplyReader(request.path);
    let unlink = (): void => {};
    const settle = (): void => {
      timer.cancel();
      unlink();
    };
    const giveUp = (error: Error): void => {
      settle();
      connection.abort(error);
      reject(error);
    };
    const failed = (why: Error): void => giveUp(connectFailed(why, request.address));
    const timer = clock.setTimer(() => {
      failed(new Error(`the answer to CONNECT ${request.path} took longer than ${request.timeoutMs} ms: is it a port for rpcx over HTTP, and is the server busy?`));
    }, request.timeoutMs);
    if (signal !== undefined) unlink = onAbort(signal, (reason) => giveUp(reason as Error)); // the caller's own
    if (signal?.aborted === true) return;
    connection.peek({
      look(bytes) {
        try {
          const taken = reply.read(bytes);
          if (taken === undefined) return;
          settle();
          connection.release(taken);
          resolve(connection);
        } catch (error) {
          failed(error as Error); // ReplyReader throws nothing else
        }
      },
      ended: (reason) => failed(hungUp(request, reason)),
    });
    // Line feeds alone, as Go writes it (`client/connection.go` newDirectHTTPConn).
    connection.write(new TextEncoder().encode(`CONNECT ${request.path} HTTP/1.0\n${request.headerLines}\n`));
  });
}

function hungUp({ address: { host }, secure }: ConnectRequest, reason: Error | undefined): Error {
  // TLS 1.3 tells a client of its refusal after the handshake, if at all.
  if (reason?.cause instanceof Error && errorCode(reason.cause)?.startsWith('ERR_SSL_') === true) return reason.cause;
  const why = secure ? 'it may ask for a client certificate and not accept what tls.cert is here, its log says so' : 'if it speaks TLS, set the tls option';
  return new Error(`the other side hung up instead of answering CONNECT: if it is a plain rpcx port, dial tcp@${host}; ${why}`, { cause: reason });
}

/** The answer to a CONNECT, as it comes in. */
export class ReplyReader {
  readonly #path: string;
  readonly #head = new HeaderBlock();

  constructor(path: string) {
    this.#path = path;
  }

  /** `bytes` are all that came so far. The count of those that belong to the answer, undefined while it is not whole. Throws when it is no welcome. */
  read(bytes: Uint8Array): number | undefined {
    if (!mayBegin(bytes, 'HTTP/')) throw new Error(`the answer to CONNECT begins with ${firstBytes(bytes)}, which is no HTTP: ${guessOf(bytes)}`);
    const end = this.#head.end(bytes);
    if ((end ?? bytes.length) > mostHeaderBytes) throw new Error(`the head of the answer to CONNECT is longer than ${mostHeaderBytes} bytes: is it an rpcx server?`);
    if (end === undefined) return undefined;
    const line = this.#head.firstLine(bytes);
    const [, text = '', status = ''] = /^HTTP\/\d\.\d ((\d{3})(?: .*)?)$/.exec(line) ?? [];
    if (status === '') throw new Error(`the answer to CONNECT begins with ${JSON.stringify(line.slice(0, 100))}, which is no status line: is it an rpcx server?`);
    if (text !== welcome) throw new HttpRefusal(printable(line), Number(status), this.#path);
    return end;
  }
}

/** The line made safe for logs and terminals, because the other side chose it. */
function printable(line: string): string {
  return line.slice(0, 200).replaceAll(/[^\x20-\x7e]/g, '?');
}
