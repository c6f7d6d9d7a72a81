import type { Connection, RpcError } from '@rpcxjs/core';
import { checkNames, described } from '@rpcxjs/core/options';

/** Options of `sniff()`. */
export interface SniffOptions {
  /** Time for a connection to show which protocol it speaks, in milliseconds. @default 10000 */
  readonly timeoutMs?: number | undefined;
  /** How many bytes the matchers get to see before a connection that none of them recognised is refused. @default 4096 */
  readonly maxBytes?: number | undefined;
  /** How many connections may wait to be recognised at a time; one more cuts the oldest. A thousand clients that come at once wait for a moment, so leave room. @default 4096 */
  readonly maxWaiting?: number | undefined;
  /** Called with each connection that is refused, and why. It is aborted right after. @default none */
  readonly refused?: ((error: RpcError, connection: Connection) => void) | undefined;
}

export const sniffDefaults: Readonly<Record<'timeoutMs' | 'maxBytes' | 'maxWaiting', number>> = { timeoutMs: 10_000, maxBytes: 4096, maxWaiting: 4096 };

export interface ResolvedSniffOptions {
  readonly timeoutMs: number;
  readonly maxBytes: number;
  readonly maxWaiting: number;
  readonly refused: ((error: RpcError, connection: Connection) => void) | undefined;
}

/** Throws TypeError for invalid limits. */
export function resolveSniffOptions(options: SniffOptions): ResolvedSniffOptions {
  checkNames('sniff', options, [...Object.keys(sniffDefaults), 'refused']);
  const { timeoutMs = sniffDefaults.timeoutMs, maxBytes = sniffDefaults.maxBytes, maxWaiting = sniffDefaults.maxWaiting, refused } = options;
  if (!Number.isFinite(timeoutMs) || timeoutMs < 1) throw new TypeError(`sniff: timeoutMs is ${described(timeoutMs)}; give milliseconds, at least 1`);
  for (const [name, value] of Object.entries({ maxBytes, maxWaiting })) {
    if (!Number.isInteger(value) || value < 1) throw new TypeError(`sniff: ${name} is ${value}; give a whole number, at least 1`);
  }
  if (refused !== undefined && typeof refused !== 'function') throw new TypeError(`sniff: refused is ${typeof refused}; give a function (error, connection) => void`);
  return Object.freeze({ timeoutMs, maxBytes, maxWaiting, refused });
}
