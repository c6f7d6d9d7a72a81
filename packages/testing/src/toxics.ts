import { described } from '@rpcxjs/core/options';
/** What a fault proxy does to the bytes of one direction. Nothing is set at first; each may be combined with each. */
export interface Toxics {
  /** Everything, ends included, arrives this much later, in milliseconds. @default 0 */
  readonly latencyMs?: number | undefined;
  /** Up to so many milliseconds, at random, are added to the latency of each read; order is kept. @default 0 */
  readonly jitterMs?: number | undefined;
  /** The bandwidth. @default unlimited */
  readonly bytesPerSecond?: number | undefined;
  /** The longest piece that is sent at once, each in a turn of its own. @default unlimited */
  readonly sliceBytes?: number | undefined;
  /** A pause after each slice, in milliseconds. @default 0 */
  readonly sliceDelayMs?: number | undefined;
  /**
   * Both sides are reset (RST) after this many bytes of a connection; of `[from, to]` each connection draws its own.
   * A Node receiver that finds the reset right behind bytes reports an end instead (libuv, uv__stream_io). @default never
   */
  readonly resetAfterBytes?: number | readonly [from: number, to: number] | undefined;
  /** The receiver sees an end after this many bytes of a connection, and the rest is swallowed. @default never */
  readonly limitBytes?: number | undefined;
  /** Nothing passes, not even an end; what is sent is held until this is lifted. @default false */
  readonly blackHole?: boolean | undefined;
  /** When the sender ends or is reset, the receiver is not told, and what the receiver sends is swallowed. @default false */
  readonly halfOpen?: boolean | undefined;
  /** An end is passed on this much later, in milliseconds. @default 0 */
  readonly slowCloseMs?: number | undefined;
}

const switches = ['blackHole', 'halfOpen'] as const;

/** Throws TypeError for an invalid toxic. */
export function checkToxics(toxics: Toxics): void {
  const least: readonly (readonly [keyof Toxics, number])[] = [
    ['latencyMs', 0], ['jitterMs', 0], ['bytesPerSecond', 1], ['sliceBytes', 1], ['sliceDelayMs', 0], ['limitBytes', 0], ['slowCloseMs', 0],
  ];
  const known = [...least.map(([name]) => name), ...switches, 'resetAfterBytes'];
  for (const name of Object.keys(toxics)) if (!known.includes(name)) throw new TypeError(`faultProxy: there is no toxic ${name}; there are ${known.join(', ')}`);
  for (const [name, minimum] of least) {
    const value = toxics[name];
    if (value !== undefined && !(typeof value === 'number' && value >= minimum)) throw new TypeError(`faultProxy: ${name} is ${described(value)}; give a number, at least ${minimum}`);
  }
  for (const name of switches) {
    if (!['boolean', 'undefined'].includes(typeof toxics[name])) throw new TypeError(`faultProxy: ${name} is ${String(toxics[name])}; give true or false`);
  }
  const { resetAfterBytes = 0 } = toxics;
  const [from, to, ...rest] = typeof resetAfterBytes === 'number' ? [resetAfterBytes, resetAfterBytes] : resetAfterBytes;
  if (!(from >= 0 && from <= to && rest.length === 0)) throw new TypeError(`faultProxy: resetAfterBytes is ${JSON.stringify(resetAfterBytes)}; give a number, at least 0, or [from, to]`);
}
