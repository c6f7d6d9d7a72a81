import { formatAddress } from '@rpcxjs/core';
import type { Address, Connection, Logger } from '@rpcxjs/core';
import { PeekedConnection } from '@rpcxjs/transport-tcp';
import type { Dismissal, PeekedEnds, WaitingRoom } from '@rpcxjs/transport-tcp';
import { firstBytes, guessOf, HeaderBlock, mostHeaderBytes } from './header-block.ts';

/** What decides about incoming requests. */
export interface ConnectDoor {
  readonly path: string;
  readonly room: WaitingRoom;
  readonly logger: Logger;
  readonly timeoutMs: number;
  accept(connection: Connection): void;
}

/** What Go answers, to the letter (`server/server.go` ServeHTTP). */
export const welcomeReply: Uint8Array = new TextEncoder().encode('HTTP/1.0 200 Connected to rpcx\n\n');

/** The answer to a request that is refused. */
export interface Refusal {
  readonly status: string;
  readonly body: string;
}
export const refusals: Readonly<Record<'mustConnect' | 'notFound' | 'badRequest' | 'tooLarge', Refusal>> = {
  mustConnect: { status: '405 Method Not Allowed', body: '405 must CONNECT' },
  notFound: { status: '404 Not Found', body: '404 page not found' },
  badRequest: { status: '400 Bad Request', body: '400 Bad Request: this port is for rpcx over HTTP CONNECT' },
  tooLarge: { status: '431 Request Header Fields Too Large', body: '431 Request Header Fields Too Large' },
};

export function refusalText({ status, body }: Refusal): string {
  const allow = status.startsWith('405') ? 'Allow: CONNECT\r\n' : '';
  return `HTTP/1.0 ${status}\r\nContent-Type: text/plain; charset=utf-8\r\n${allow}Content-Length: ${body.length + 1}\r\nConnection: close\r\n\r\n${body}\n`;
}

/** Reads the request of a connection that was just accepted, answers it, and hands the connection over if it asked for rpcx. */
export function awaitConnect(below: Connection, ends: PeekedEnds, door: ConnectDoor): void {
  const connection = new PeekedConnection(below, ends);
  const head = new HeaderBlock();
  const remote = ends.remote === undefined ? undefined : formatAddress(ends.remote);
  let count = 0;
  const dismissed = (why: Dismissal): void => {
    if (why === 'late' && count > 0) door.logger.warn({ remote, bytes: count }, `a connection did not finish its CONNECT request within ${door.timeoutMs} ms, and is cut`);
    else door.logger.debug({ remote, why }, 'a connection was cut that had not sent its CONNECT request');
    connection.abort();
  };
  const leave = door.room.enter(connection, dismissed);
  const refuse = (refusal: Refusal): void => {
    leave();
    connection.write(new TextEncoder().encode(refusalText(refusal)));
    void connection.close();
  };
  connection.peek({
    look(bytes) {
      count = bytes.length;
      if (!isLetter(bytes[0])) {
        door.logger.warn({ remote, bytes: firstBytes(bytes) }, `a connection began with what is no HTTP: ${guessOf(bytes)}`);
        refuse(refusals.badRequest);
        return;
      }
      const end = head.end(bytes);
      if ((end ?? bytes.length) > mostHeaderBytes) refuse(refusals.tooLarge);
      else if (end !== undefined) {
        const refusal = judge(head.firstLine(bytes), door.path);
        if (refusal !== undefined) {
          refuse(refusal);
          return;
        }
        leave();
        connection.release(end);
        connection.write(welcomeReply);
        door.accept(connection);
      }
    },
    ended() {
      leave();
      door.logger.debug({ remote, bytes: count }, 'a connection ended before its CONNECT request was whole');
    },
  });
}

/** What is wrong with a request line; undefined when it asks for rpcx. */
export function judge(line: string, path: string): Refusal | undefined {
  const [, method = '', target = ''] = /^([A-Za-z]+) ([^ ]+) HTTP\/1\.\d$/.exec(line) ?? [];
  if (method === '') return refusals.badRequest;
  // As Go's ServeMux, which looks at the path first, and not at a query.
  if (pathOf(target) !== path) return refusals.notFound;
  return method === 'CONNECT' ? undefined : refusals.mustConnect;
}

export function pathOf(target: string): string {
  const query = target.indexOf('?');
  return query < 0 ? target : target.slice(0, query);
}

/** The address as the lower network names it, and back. */
export function renamed(address: Address, network: string): Address {
  return { network, host: address.host };
}

function isLetter(byte: number | undefined): boolean {
  return byte !== undefined && ((byte >= 0x41 && byte <= 0x5a) || (byte >= 0x61 && byte <= 0x7a));
}
