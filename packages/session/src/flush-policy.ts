import { checkNames, refuse } from '@rpcxjs/core/options';

const least = 1024;
// A system call costs less a byte the more it takes; up to here an arena also holds the frame that goes beyond it.
const most = 40 * 1024;
// One turn's batch leaves in about this many writes, so that the other process begins while this one goes on: with two, both are always busy.
const writesPerBatch = 2;

/**
 * How many bytes may gather before they are written without waiting for the end of the turn. One write a turn is cheapest for the writer,
 * but leaves the reader idle meanwhile; the size of a turn's batch is about frames in flight times bytes of a frame.
 */
export function flushThreshold(framesInFlight: number, bytesPerFrame: number): number {
  const share = (framesInFlight * bytesPerFrame) / writesPerBatch;
  return share < least ? least : share > most ? most : share;
}

/** When what was written leaves, whichever comes first. */
export interface FlushOptions {
  /** Milliseconds that a frame may wait for others: -1 is the end of the turn, 0 sends each at once. @default -1 */
  readonly delayMs?: number | undefined;
  /** Bytes that may gather. @default 64 KiB; at the end of a turn what suits the traffic, 40 KiB at most */
  readonly maxBytes?: number | undefined;
  /** Frames that may gather. @default Infinity */
  readonly maxMessages?: number | undefined;
}

export const flushDefaults: { readonly delayMs: number; readonly maxMessages: number } = { delayMs: -1, maxMessages: Infinity };

/** A policy with its defaults filled in. */
export interface FlushPolicy {
  readonly delayMs: number;
  readonly maxBytes: number;
  readonly maxMessages: number;
}

/** Undefined for the usual one, which adapts itself. Throws TypeError for what cannot be. */
export function flushPolicy(options: FlushOptions = {}): FlushPolicy | undefined {
  checkNames('flush', options, { ...flushDefaults, maxBytes: true });
  const { delayMs = flushDefaults.delayMs, maxBytes, maxMessages = flushDefaults.maxMessages } = options;
  if (typeof delayMs !== 'number' || !(delayMs === -1 || (delayMs >= 0 && delayMs < Infinity))) refuse('flush.delayMs', delayMs, 'milliseconds, 0 for at once, -1 for the end of the turn');
  if (maxBytes !== undefined && (typeof maxBytes !== 'number' || !(maxBytes >= 1))) refuse('flush.maxBytes', maxBytes, 'a number from 1 on');
  if (typeof maxMessages !== 'number' || !(maxMessages >= 1)) refuse('flush.maxMessages', maxMessages, 'a number from 1 on');
  if (delayMs === -1 && maxBytes === undefined && maxMessages === Infinity) return undefined;
  return { delayMs, maxBytes: maxBytes ?? (delayMs === -1 ? most : 64 * 1024), maxMessages };
}
