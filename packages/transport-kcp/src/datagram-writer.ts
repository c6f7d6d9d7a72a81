import { randomFillSync } from 'node:crypto';
import { crc32 } from 'node:zlib';
import { scratchBytes } from './datagram-cipher.ts';
import type { DatagramCipher } from './datagram-cipher.ts';
import { parityShards, shardSequenceEnd } from './parity.ts';
import { segmentHeaderBytes, writeSegmentHeader } from './segment.ts';
import type { SegmentHeader } from './segment.ts';
import type { ShardSender } from './shard-sender.ts';

// The layout of a datagram (kcp-go `sess.go`, output): nonce, checksum, then the FEC header with the size, then segments.
export const nonceBytes = 16;
export const checksumEnd = 20;
export const shardHeaderBytes = 6;
export const shardType = { data: 0xf1, parity: 0xf2 } as const;
/** Bytes before the segments. */
export const overheadBytes = (fec: boolean): number => checksumEnd + (fec ? shardHeaderBytes + 2 : 0);

/** Where finished datagrams go. */
export interface DatagramTarget {
  readonly port: number;
  readonly address: string;
  /** FEC state of the conversation; without it the datagram belongs to no group. */
  readonly shards?: ShardSender | undefined;
}
export interface DatagramWriterInit {
  readonly cipher: DatagramCipher;
  readonly fec: boolean;
  readonly mtuBytes: number;
  /** True when the memory of the datagram may be used again at once. */
  send(datagram: Buffer, length: number, target: DatagramTarget): boolean;
}

/** Shorter ones are no KCP. */
export const leastDatagramBytes: number = checksumEnd + segmentHeaderBytes;

const noPayload = Buffer.alloc(0);
const randomPoolBytes = 4096;

/** Packs segments into datagrams, in one buffer for all conversations of a socket: between `begin` and `end` nobody else writes. */
export class DatagramWriter {
  readonly #init: DatagramWriterInit;
  readonly #overhead: number;
  #bytes = Buffer.alloc(scratchBytes);
  #at: number;
  #target: DatagramTarget | undefined;
  readonly #random = Buffer.alloc(randomPoolBytes);
  #randomAt = randomPoolBytes;

  constructor(init: DatagramWriterInit) {
    this.#init = init;
    this.#overhead = overheadBytes(init.fec);
    this.#at = this.#overhead;
  }

  begin(target: DatagramTarget): void {
    this.#target = target;
    this.#at = this.#overhead;
  }

  /** Adds a segment; sends what is there first when there is no room for it. */
  segment(header: SegmentHeader, payload: Buffer = noPayload, length: number = payload.length): void {
    const need = segmentHeaderBytes + length;
    if (this.#at + need > this.#init.mtuBytes) this.#emit();
    writeSegmentHeader(this.#bytes, this.#at, header, length);
    this.#bytes.set(length === payload.length ? payload : payload.subarray(0, length), this.#at + segmentHeaderBytes);
    this.#at += need;
  }

  end(): void {
    if (this.#at > this.#overhead) this.#emit();
    this.#target = undefined;
  }

  #emit(): void {
    const target = this.#target;
    const length = this.#at;
    this.#at = this.#overhead;
    if (target === undefined) return;
    if (!this.#init.fec) {
      this.#seal(length, target);
      return;
    }
    const { shards } = target;
    this.#writeShardHeader(shards?.take() ?? shardSequenceEnd, shardType.data);
    const from = checksumEnd + shardHeaderBytes;
    this.#bytes.writeUInt16LE(length - from, from);
    const complete = shards?.add(this.#bytes, from, length) === true;
    this.#seal(length, target);
    if (complete) this.#emitParity(shards, target);
  }

  #emitParity(shards: ShardSender, target: DatagramTarget): void {
    const from = checksumEnd + shardHeaderBytes;
    for (let row = 0; row < parityShards; row++) {
      this.#writeShardHeader(shards.take(), shardType.parity);
      shards.sum.write(row, this.#bytes, from);
      this.#seal(from + shards.sum.length, target);
    }
    shards.nextGroup();
  }

  #writeShardHeader(sequence: number, type: number): void {
    this.#bytes.writeUInt32LE(sequence, checksumEnd);
    this.#bytes.writeUInt16LE(type, checksumEnd + 4);
  }

  #seal(length: number, target: DatagramTarget): void {
    const bytes = this.#bytes;
    if (this.#randomAt === randomPoolBytes) {
      randomFillSync(this.#random);
      this.#randomAt = 0;
    }
    bytes.set(this.#random.subarray(this.#randomAt, this.#randomAt + nonceBytes), 0);
    this.#randomAt += nonceBytes;
    bytes.writeUInt32LE(crc32(bytes.subarray(checksumEnd, length)), nonceBytes);
    const sealed = this.#init.cipher.encrypt(bytes, length);
    const reusable = this.#init.send(sealed, length, target);
    if (!reusable && sealed === bytes) this.#bytes = Buffer.alloc(scratchBytes);
  }
}

/**
 * What a listener answers in the clear to a datagram that it cannot read, so that a dial of our kind fails at once and with the reason. It is shorter than
 * any datagram of KCP: kcp-go drops it without a look, and two listeners never answer each other.
 */
export const unreadableNotice: Buffer = Buffer.from('rpcxjs-kcp: unreadable');

/** The plain datagram after its checksum was found right; undefined when it was not, or it is too short to be one. */
export function openDatagram(datagram: Buffer, cipher: DatagramCipher): Buffer | undefined {
  if (datagram.length < leastDatagramBytes || datagram.length > 1500) return undefined;
  const plain = cipher.decrypt(datagram);
  return crc32(plain.subarray(checksumEnd)) === plain.readUInt32LE(nonceBytes) ? plain : undefined;
}
