import { createSocket } from 'node:dgram';
import { systemClock } from '@rpcxjs/core';
import type { Connection } from '@rpcxjs/core';
import { later, type Line, memoryLogger } from '@rpcxjs/transport-sides';
import { crc32 } from 'node:zlib';
import { resolveKcpOptions } from '../src/kcp-options.ts';
import type { KcpOptions } from '../src/kcp-options.ts';
import { ListeningSocket } from '../src/listening-socket.ts';

export interface StubListener {
  readonly listening: ListeningSocket;
  readonly accepted: Connection[];
  readonly lines: Line[];
  /** Datagrams that went out, and nowhere. */
  readonly sent: Buffer[];
  /** As if it came from this port of 192.0.2.1. */
  receive(datagram: Buffer, port?: number): void;
}

/** A listener whose socket is never bound: datagrams are handed to it, and what it sends is kept. */
export function stubListener(options: KcpOptions = {}): StubListener {
  const socket = createSocket('udp4');
  const sent: Buffer[] = [];
  Object.assign(socket, { send: (bytes: Buffer, from: number, length: number) => sent.push(Buffer.from(bytes.subarray(from, from + length))), getSendQueueCount: () => 0 });
  const accepted: Connection[] = [];
  const lines: Line[] = [];
  const listening = new ListeningSocket({
    socket, options: resolveKcpOptions(options), runtime: { clock: systemClock, logger: memoryLogger(lines) }, address: { network: 'kcp', host: '192.0.2.2:1' }, closed() {},
  });
  listening.listen((connection) => accepted.push(connection));
  later(async () => {
    for (const connection of accepted) connection.abort();
    await listening.unlisten();
  });
  const receive = (datagram: Buffer, port = 1000): void => listening.receive(datagram, { address: '192.0.2.1', family: 'IPv4', port, size: datagram.length });
  return { listening, accepted, lines, sent, receive };
}

/** A datagram without a cipher, with this after its checksum. */
export function sealed(content: Buffer): Buffer {
  const datagram = Buffer.alloc(20 + content.length);
  content.copy(datagram, 20);
  datagram.writeUInt32LE(crc32(content), 16);
  return datagram;
}

export interface SegmentFields {
  readonly conversation: number;
  readonly command?: number;
  readonly sequence?: number;
  readonly unacknowledged?: number;
  readonly payload?: Buffer;
  /** Said instead of the payload's length. */
  readonly length?: number;
}

/** What follows the checksum: an FEC header and one segment. */
export function segmentOf({ conversation, command = 81, sequence = 0, unacknowledged = 0, payload = Buffer.from('x'), length = payload.length }: SegmentFields, shard = 0): Buffer {
  const content = Buffer.alloc(8 + 24 + payload.length);
  content.writeUInt32LE(shard, 0);
  content.writeUInt16LE(0xf1, 4);
  content.writeUInt16LE(content.length - 6, 6);
  content.writeUInt32LE(conversation >>> 0, 8);
  content[12] = command;
  content.writeUInt16LE(32, 14);
  content.writeUInt32LE(sequence, 20);
  content.writeUInt32LE(unacknowledged, 24);
  content.writeUInt32LE(length, 28);
  payload.copy(content, 32);
  return content;
}
