import { defaultFrameLimits, type FrameLimits } from '@rpcxjs/protocol';
import type { ByteBudget } from './byte-budget.ts';
import type { FlushPolicy } from './flush-policy.ts';

/** What one connection may cost. All times in milliseconds, all sizes in bytes. */
export interface SessionLimits {
  readonly frames: FrameLimits;
  /** Unsent bytes above which nothing more is taken on: a server stops reading that peer, a client queues. @default 1 MiB */
  readonly highWaterBytes: number;
  /** Unsent bytes at which the connection is given up. @default 64 MiB */
  readonly maxUnsentBytes: number;
  /** How long a peer may leave its replies unread before the connection is given up. @default 10 s */
  readonly stallMs: number;
  /** How long an accepted connection may stay without its first byte. @default 10 s */
  readonly firstByteMs: number;
  /** Age from which an unfinished frame must have come at 1 KiB/s at least, and silence after which it is given up however much of it came. @default 30 s */
  readonly frameMs: number;
  /** Bytes of a heartbeat's metadata and payload together. @default 1 KiB */
  readonly maxHeartbeatBytes: number;
  /** Heartbeats a second that a peer may send for long. @default 10 */
  readonly heartbeatsPerSecond: number;
  /** Heartbeats that a peer may send at once. @default 50 */
  readonly heartbeatBurst: number;
  /** Frames handled in one go before the clock is looked at, fewer as long as they are slow to handle. @default 256 */
  readonly framesPerTurn: number;
  /** Time after which the loop is given back to others. @default 8 ms */
  readonly turnMs: number;
}

export const defaultSessionLimits: SessionLimits = {
  frames: defaultFrameLimits,
  highWaterBytes: 1024 * 1024,
  maxUnsentBytes: 64 * 1024 * 1024,
  stallMs: 10_000,
  firstByteMs: 10_000,
  frameMs: 30_000,
  maxHeartbeatBytes: 1024,
  heartbeatsPerSecond: 10,
  heartbeatBurst: 50,
  framesPerTurn: 256,
  turnMs: 8,
};

/** Who sends heartbeats, and when silence is the end. */
export interface HeartbeatOptions {
  /** Silence before a client asks while calls are pending. @default 2 s */
  readonly busyMs: number;
  /** Silence before a client asks while nothing is pending. @default 15 s */
  readonly idleMs: number;
  /** How long it waits for any byte after asking. @default 3 s */
  readonly answerMs: number;
  /** Least silence after which a server gives up a peer that sends heartbeats. @default 30 s */
  readonly leastSilenceMs: number;
  /** Silence after which any peer is given up, 0 for never. @default 0 */
  readonly idleTimeoutMs: number;
}

export const defaultHeartbeat: HeartbeatOptions = {
  busyMs: 2000,
  idleMs: 15_000,
  answerMs: 3000,
  leastSilenceMs: 30_000,
  idleTimeoutMs: 0,
};

/** Settings that sessions of one client or server share. */
export interface SessionSettings {
  readonly limits: SessionLimits;
  readonly heartbeat: HeartbeatOptions;
  readonly budget?: ByteBudget | undefined;
  /** When what was written leaves; undefined for what suits the traffic. */
  readonly flush?: FlushPolicy | undefined;
}
