import { createCipheriv, createHmac } from 'node:crypto';
import type { LongHeader } from './packet-header.ts';
import { refusedCode } from './quic-error.ts';

// RFC 9001 §5.2.
const salt = Buffer.from('38762cf7f55934b34d179ae6a4c80cadccbb7f0a', 'hex');
const tagBytes = 16;

/** HKDF-Expand-Label of TLS 1.3 for one block of SHA-256, with an empty context. */
function expand(secret: Buffer, label: string, bytes: number): Buffer {
  const name = `tls13 ${label}`;
  const info = Buffer.concat([Buffer.from([0, bytes, name.length]), Buffer.from(name), Buffer.from([0, 1])]);
  return createHmac('sha256', secret).update(info).digest().subarray(0, bytes);
}

/**
 * The whole answer of a server that takes nobody now: one Initial packet with CONNECTION_CLOSE (RFC 9000 §10.2.3, of version 1). Engines say it in a
 * packet that the client cannot read yet, and it would wait until its time is over. Needs no state, and is shorter than what it answers.
 */
export function refusal(header: LongHeader, reason: string): Buffer {
  const initial = createHmac('sha256', salt).update(header.destinationId).digest();
  const secret = expand(initial, 'server in', 32);
  const words = Buffer.from(reason).subarray(0, 63);
  // The frame: its type, the code, no frame to blame, the reason.
  const frame = Buffer.concat([Buffer.from([0x1c, refusedCode, 0, words.length]), words]);
  const head = headOf(header, 1 + frame.length + tagBytes);
  const cipher = createCipheriv('aes-128-gcm', expand(secret, 'quic key', 16), expand(secret, 'quic iv', 12));
  cipher.setAAD(head);
  const packet = Buffer.concat([head, cipher.update(frame), cipher.final(), cipher.getAuthTag()]);
  protect(packet, head.length - 1, expand(secret, 'quic hp', 16));
  return packet;
}

/** Packet number 0, in one byte; there is no token. */
function headOf({ version, sourceId, destinationId }: LongHeader, restBytes: number): Buffer {
  const head = Buffer.alloc(6 + sourceId.length + 1 + destinationId.length + 4);
  head[0] = 0xc0;
  head.writeUInt32BE(version, 1);
  head[5] = sourceId.length;
  let at = 6 + sourceId.copy(head, 6);
  head[at++] = destinationId.length;
  at += destinationId.copy(head, at);
  head.writeUInt16BE(0x4000 | restBytes, at + 1);
  return head;
}

/** Hides the packet number and its length (RFC 9001 §5.4). */
function protect(packet: Buffer, numberAt: number, key: Buffer): void {
  const mask = createCipheriv('aes-128-ecb', key, null).update(packet.subarray(numberAt + 4, numberAt + 20));
  packet[0] = (packet[0] ?? 0) ^ ((mask[0] ?? 0) & 0x0f);
  packet[numberAt] = (packet[numberAt] ?? 0) ^ (mask[1] ?? 0);
}
