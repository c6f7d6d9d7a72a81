import { checksumEnd, shardHeaderBytes, shardType } from './datagram-writer.ts';

/** Where things are in a plain datagram. */
export interface Shard {
  /** Undefined without FEC. */
  readonly sequence: number | undefined;
  /** What FEC adds up begins here. */
  readonly from: number;
  /** Segments begin here; undefined in a datagram of parity. */
  readonly segmentsAt: number | undefined;
}

/** Reads the FEC header (kcp-go `fec.go`); undefined when there is none where one must be. */
export function readShard(plain: Buffer, fec: boolean): Shard | undefined {
  if (!fec) return { sequence: undefined, from: checksumEnd, segmentsAt: checksumEnd };
  const type = plain.readUInt16LE(checksumEnd + 4);
  const from = checksumEnd + shardHeaderBytes;
  if (type !== shardType.data && type !== shardType.parity) return undefined;
  return { sequence: plain.readUInt32LE(checksumEnd), from, segmentsAt: type === shardType.data ? from + 2 : undefined };
}
