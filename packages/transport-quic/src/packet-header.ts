/** What the version-independent part of a packet says (RFC 8999), and the token of an Initial packet. */
export interface LongHeader {
  readonly version: number;
  /** Of version 1: the first packet of a connection. */
  readonly initial: boolean;
  readonly destinationId: Buffer;
  readonly sourceId: Buffer;
  readonly token: Buffer;
}

/** How long the connection ids are that this side gives out; a short header does not say. */
export const idBytes = 16;

/** The least that a datagram with an Initial packet of a client holds. */
export const initialBytes = 1200;

export function isLong(datagram: Buffer): boolean {
  return ((datagram[0] ?? 0) & 0x80) !== 0;
}

/** The id that a datagram is for, as a key; undefined when it is too short to be for anybody. */
export function destinationKey(datagram: Buffer): string | undefined {
  if (!isLong(datagram)) return datagram.length > idBytes ? datagram.toString('latin1', 1, 1 + idBytes) : undefined;
  const length = datagram[5] ?? 0;
  return datagram.length > 6 + length ? datagram.toString('latin1', 6, 6 + length) : undefined;
}

export function keyOf(id: Buffer): string {
  return id.toString('latin1');
}

/** Undefined for what is cut short. */
export function readLongHeader(datagram: Buffer): LongHeader | undefined {
  if (!isLong(datagram) || datagram.length < 7) return undefined;
  const version = datagram.readUInt32BE(1);
  const destinationEnd = 6 + (datagram[5] ?? 0);
  const sourceEnd = destinationEnd + 1 + (datagram[destinationEnd] ?? 0);
  if (sourceEnd > datagram.length) return undefined;
  const destinationId = datagram.subarray(6, destinationEnd);
  const sourceId = datagram.subarray(destinationEnd + 1, sourceEnd);
  const initial = version === 1 && ((datagram[0] ?? 0) & 0x30) === 0;
  if (!initial) return { version, initial, destinationId, sourceId, token: Buffer.alloc(0) };
  // Version 1 knows no longer ids.
  if (destinationId.length > 20 || sourceId.length > 20) return undefined;
  const token = readToken(datagram, sourceEnd);
  return token === undefined ? undefined : { version, initial, destinationId, sourceId, token };
}

/** A variable-length integer (RFC 9000 §16) and as many bytes. */
function readToken(datagram: Buffer, at: number): Buffer | undefined {
  const first = datagram[at];
  if (first === undefined) return undefined;
  // A token of more than 16383 bytes fits into no datagram that comes this way.
  const wide = first >> 6;
  if (wide > 1 || at + 1 + wide > datagram.length) return undefined;
  const length = wide === 0 ? first & 0x3f : ((first & 0x3f) << 8) | (datagram[at + 1] ?? 0);
  const begin = at + 1 + wide;
  return begin + length > datagram.length ? undefined : datagram.subarray(begin, begin + length);
}

/** The answer to a version that is not spoken here (RFC 8999 §6). */
export function versionNegotiation(header: LongHeader, versions: readonly number[]): Buffer {
  const out = Buffer.alloc(7 + header.sourceId.length + header.destinationId.length + 4 * versions.length);
  out[0] = 0x80 | 0x40;
  out[5] = header.sourceId.length;
  let at = 6 + header.sourceId.copy(out, 6);
  out[at++] = header.destinationId.length;
  at += header.destinationId.copy(out, at);
  for (const version of versions) at = out.writeUInt32BE(version, at);
  return out;
}
