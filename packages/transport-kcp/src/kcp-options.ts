import { pbkdf2Sync } from 'node:crypto';
import { checkNames, described } from '@rpcxjs/core/options';
import { cipherKind } from './ciphers.ts';
import type { KcpCipher } from './ciphers.ts';
import type { DatagramCipher } from './datagram-cipher.ts';

/** A key from a password, as rpcx users make it: PBKDF2 with SHA-1, as long as the cipher needs it. */
export interface KcpPassword {
  readonly password: string | Uint8Array;
  readonly salt: string | Uint8Array;
  /** @default 4096 */
  readonly iterations?: number | undefined;
}

/** Options of `kcp()`. Cipher, key and `fec` must be the same on both sides; the rest may differ. */
export interface KcpOptions {
  /** What encrypts the datagrams, by kcp-go's names; `none` hides nothing. @default 'none' */
  readonly cipher?: KcpCipher | undefined;
  /** The key of the cipher: its bytes, or the password that it is derived from by PBKDF2 with SHA-1. */
  readonly key?: Uint8Array | KcpPassword | undefined;
  /** Sends three datagrams of parity after each ten, from which lost ones are restored; rpcx always does. @default true */
  readonly fec?: boolean | undefined;
  /** True sends lost segments again after 30 ms at the least instead of 100, and backs off slower. @default false */
  readonly noDelay?: boolean | undefined;
  /** How much longer a missing acknowledgement is waited for because the other side may pause, in milliseconds, 10 to 5000. @default 100 */
  readonly intervalMs?: number | undefined;
  /** After how many later segments that arrived a missing one is sent again at once; with 0 only after its time. @default 0 */
  readonly fastResend?: number | undefined;
  /** False sends the whole window whatever is lost: faster on bad links, and unfair to others on them. @default true */
  readonly congestionControl?: boolean | undefined;
  /** Segments that may be under way. @default 32 */
  readonly sendWindow?: number | undefined;
  /** Segments that are taken ahead of the reader. @default 32 */
  readonly receiveWindow?: number | undefined;
  /** The largest datagram in bytes, its UDP header not counted, 256 to 1500. @default 1400 */
  readonly mtuBytes?: number | undefined;
  /** True acknowledges each datagram at once; false with the next answer, every fourth segment, or after 2 ms. @default false */
  readonly ackNoDelay?: boolean | undefined;
  /** True fills up a segment that still waits with the bytes of the next write. @default true */
  readonly streamMode?: boolean | undefined;
  /** How often a segment is sent before the link counts as dead, if nothing was heard for ten seconds either. @default 20 */
  readonly deadLink?: number | undefined;
  /** Time for the name look-up and an answer of the other side, in milliseconds. @default 3000 */
  readonly connectTimeoutMs?: number | undefined;
  /** How long the other side may take to acknowledge everything after `close()`, in milliseconds. @default 5000 */
  readonly closeTimeoutMs?: number | undefined;
  /** Silence after which the other side is probed, in milliseconds; ten probes a second apart decide. 0 is off. @default 30000 */
  readonly keepAliveMs?: number | undefined;
  /** How many accepted conversations may be waiting for a proof that their address is real. @default 128 */
  readonly backlog?: number | undefined;
}

type Numeric = 'intervalMs' | 'fastResend' | 'sendWindow' | 'receiveWindow' | 'mtuBytes' | 'deadLink' | 'connectTimeoutMs' | 'closeTimeoutMs' | 'keepAliveMs' | 'backlog';
type Switch = 'fec' | 'noDelay' | 'congestionControl' | 'ackNoDelay' | 'streamMode';

export const kcpDefaults: Readonly<Record<Numeric, number> & Record<Switch, boolean> & { cipher: KcpCipher }> = {
  cipher: 'none', fec: true, noDelay: false, intervalMs: 100, fastResend: 0, congestionControl: true, sendWindow: 32, receiveWindow: 32, mtuBytes: 1400,
  ackNoDelay: false, streamMode: true, deadLink: 20, connectTimeoutMs: 3000, closeTimeoutMs: 5000, keepAliveMs: 30_000, backlog: 128,
};

const ranges: Readonly<Record<Numeric, readonly [least: number, most: number, what: string]>> = {
  intervalMs: [10, 5000, 'milliseconds'],
  fastResend: [0, 1000, 'a whole number'],
  sendWindow: [1, 32_768, 'a whole number'],
  receiveWindow: [1, 32_768, 'a whole number'],
  mtuBytes: [256, 1500, 'bytes'],
  deadLink: [2, 1000, 'a whole number'],
  connectTimeoutMs: [1, 2 ** 31, 'milliseconds'],
  closeTimeoutMs: [0, 2 ** 31, 'milliseconds'],
  keepAliveMs: [0, 2 ** 31, 'milliseconds'],
  backlog: [1, 65_536, 'a whole number'],
};

export interface ResolvedKcpOptions extends Readonly<Record<Numeric, number> & Record<Switch, boolean>> {
  readonly cipher: KcpCipher;
  /** A cipher holds the state of one socket. */
  makeCipher(): DatagramCipher;
}

/** Throws TypeError for a cipher that is not supported, a key that does not fit it, and numbers outside their range. */
export function resolveKcpOptions(options: KcpOptions): ResolvedKcpOptions {
  checkNames('kcp', options, [...Object.keys(kcpDefaults), 'key']);
  const cipher = options.cipher ?? kcpDefaults.cipher;
  const kind = cipherKind(cipher);
  const key = keyFor(cipher, kind.keyBytes, options.key);
  // Makes the cipher once, so that an invalid key is refused now and not at the first dial.
  kind.make(key);
  const numbers = Object.fromEntries((Object.keys(ranges) as Numeric[]).map((name) => [name, numeric(name, options[name])])) as Record<Numeric, number>; // each of them
  const switches = Object.fromEntries(switchNames.map((name) => [name, switched(name, options[name])])) as Record<Switch, boolean>; // each of them
  return Object.freeze({ ...numbers, ...switches, cipher, makeCipher: () => kind.make(key) });
}

const switchNames: readonly Switch[] = ['fec', 'noDelay', 'congestionControl', 'ackNoDelay', 'streamMode'];

function switched(name: Switch, given: unknown): boolean {
  const value = given ?? kcpDefaults[name];
  if (typeof value !== 'boolean') throw new TypeError(`kcp: ${name} is ${typeof value}; give true or false`);
  return value;
}

function numeric(name: Numeric, given: number | undefined): number {
  const value = given ?? kcpDefaults[name];
  const [least, most, what] = ranges[name];
  const fits = what === 'milliseconds' ? Number.isFinite(value) : Number.isInteger(value);
  if (!fits || value < least || value > most) throw new TypeError(`kcp: ${name} is ${described(value)}; give ${what}, ${least} to ${most}`);
  return value;
}

function keyFor(cipher: KcpCipher, keyBytes: number | undefined, given: KcpOptions['key']): Uint8Array {
  if (keyBytes === 0) {
    if (given !== undefined) throw new TypeError(`kcp: key is set, but cipher "${cipher}" has none; set cipher, for example to 'aes-256', or leave the key out`);
    return new Uint8Array(0);
  }
  if (given === undefined) throw new TypeError(`kcp: cipher "${cipher}" needs a key: its ${keyBytes ?? 'few'} bytes, or { password, salt }`);
  if (given instanceof Uint8Array) {
    if (keyBytes === undefined ? given.length === 0 : given.length !== keyBytes) {
      throw new TypeError(`kcp: the key has ${given.length} bytes; cipher "${cipher}" needs ${keyBytes ?? 'at least 1'}. A password becomes a key as { password, salt }`);
    }
    return Uint8Array.from(given);
  }
  if (typeof given !== 'object' || given === null || given.password === undefined || given.salt === undefined) {
    throw new TypeError(`kcp: key is ${given === null ? 'null' : typeof given}; give the ${keyBytes ?? 'few'} bytes of cipher "${cipher}", or { password, salt }`);
  }
  const { password, salt, iterations = 4096 } = given;
  if (!Number.isInteger(iterations) || iterations < 1) throw new TypeError(`kcp: key.iterations is ${described(iterations)}; give a whole number, at least 1`);
  return pbkdf2Sync(password, salt, iterations, keyBytes ?? 32, 'sha1');
}
