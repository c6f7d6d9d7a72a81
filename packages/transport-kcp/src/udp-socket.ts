import { createSocket } from 'node:dgram';
import type { RemoteInfo, Socket } from 'node:dgram';
import { lookup } from 'node:dns';
import { isIP } from 'node:net';
import { splitHostPort } from '@rpcxjs/core';
import type { Address } from '@rpcxjs/core';

// What the system grants may be less; bursts of many conversations come through one socket.
const receiveBufferBytes = 4 * 1024 * 1024;

export interface ResolvedHost {
  readonly family: 4 | 6;
  readonly host: string;
  readonly port: number;
}

/** Looks the host of an address up: all that it stands for, at least one, in the order of the system. Without a host it is `whenEmpty`. Throws TypeError for an address that has no port. */
export async function resolveHosts(address: Address, whenEmpty: string): Promise<readonly [ResolvedHost, ...ResolvedHost[]]> {
  const { host: given, port } = splitHostPort(address.host);
  const host = given === '' ? whenEmpty : given;
  const literal = isIP(host.split('%')[0] ?? host);
  if (literal !== 0) return [{ family: literal === 6 ? 6 : 4, host, port }];
  return new Promise((resolve, reject) => {
    lookup(host, { all: true }, (cause, found) => {
      const [first, ...rest] = cause === null ? found.map(({ address: each, family }): ResolvedHost => ({ family: family === 6 ? 6 : 4, host: each, port })) : [];
      if (first !== undefined) resolve([first, ...rest]);
      else reject(cause ?? new Error('the name has no address'));
    });
  });
}

/** A UDP socket whose errors are heard and whose addresses are numbers, so that sending looks nothing up and happens at once. */
export function openUdpSocket(family: 4 | 6): Socket {
  const socket = createSocket({
    type: family === 6 ? 'udp6' : 'udp4',
    lookup: (host, _options, done) => done(null, host, family),
  });
  socket.on('error', () => {});
  return socket;
}

/** Larger buffers where the system lets us. */
export function widenBuffers(socket: Socket): void {
  try {
    socket.setRecvBufferSize(receiveBufferBytes);
    socket.setSendBufferSize(receiveBufferBytes);
  } catch {
    // Smaller ones work, too.
  }
}

/** A socket on both families sees IPv4 clients as `::ffff:10.0.0.1`; rules for addresses are written for `10.0.0.1`. */
export function endOf(at: Pick<RemoteInfo, 'address' | 'port'>): Address {
  const plain = at.address.startsWith('::ffff:') && isIP(at.address.slice(7)) === 4 ? at.address.slice(7) : at.address;
  return { network: 'kcp', host: plain.includes(':') ? `[${plain}]:${at.port}` : `${plain}:${at.port}` };
}

/** Sends; true when the system has taken the bytes, so that their memory is free. */
export function sendNow(socket: Socket, bytes: Buffer, length: number, to?: { readonly port: number; readonly address: string }): boolean {
  try {
    if (to === undefined) socket.send(bytes, 0, length);
    else socket.send(bytes, 0, length, to.port, to.address);
    return socket.getSendQueueCount() === 0;
  } catch {
    // Closed meanwhile: a datagram that is not sent is a datagram that was lost.
    return true;
  }
}
