import { described } from '@rpcxjs/core/options';
/** What a UDP fault proxy does to the datagrams of one direction. Nothing is set at first; each may be combined with each. */
export interface DatagramToxics {
  /** The part of the datagrams that is lost, 0 to 1. @default 0 */
  readonly lossRatio?: number | undefined;
  /** The part that arrives twice, 0 to 1. @default 0 */
  readonly duplicateRatio?: number | undefined;
  /** The part that is held back until later datagrams have overtaken it, 0 to 1. @default 0 */
  readonly reorderRatio?: number | undefined;
  /** How many datagrams overtake one that is held back. @default 3 */
  readonly reorderDepth?: number | undefined;
  /** One that is held back goes on after this many milliseconds, whether it was overtaken or not. @default 50 */
  readonly reorderHoldMs?: number | undefined;
  /** Everything arrives this much later, in milliseconds. @default 0 */
  readonly latencyMs?: number | undefined;
  /** Up to so many milliseconds, at random, are added to the latency of each datagram, so that one may overtake another. @default 0 */
  readonly jitterMs?: number | undefined;
  /** The bandwidth. @default unlimited */
  readonly bytesPerSecond?: number | undefined;
  /** How many bytes may wait for a narrow line; a datagram that finds it full is lost. @default 65536 */
  readonly queueBytes?: number | undefined;
  /** Longer datagrams are lost, as on a path with a small MTU that tells nobody. @default unlimited */
  readonly longestBytes?: number | undefined;
  /** Nothing arrives, and nothing comes later: set in one direction it is a half-open path. @default false */
  readonly blackHole?: boolean | undefined;
}

/** Throws TypeError for an invalid toxic. */
export function checkDatagramToxics(toxics: DatagramToxics): void {
  const ranges: readonly (readonly [keyof DatagramToxics, number, number])[] = [
    ['lossRatio', 0, 1], ['duplicateRatio', 0, 1], ['reorderRatio', 0, 1], ['reorderDepth', 1, Infinity], ['reorderHoldMs', 0, Infinity],
    ['latencyMs', 0, Infinity], ['jitterMs', 0, Infinity], ['bytesPerSecond', 1, Infinity], ['queueBytes', 0, Infinity], ['longestBytes', 1, Infinity],
  ];
  for (const [name, least, most] of ranges) {
    const value = toxics[name];
    if (value === undefined || (typeof value === 'number' && value >= least && value <= most)) continue;
    throw new TypeError(`udpFaultProxy: ${name} is ${described(value)}; give a number, at least ${least}${most === 1 ? ' and at most 1' : ''}`);
  }
  if (!['boolean', 'undefined'].includes(typeof toxics.blackHole)) throw new TypeError(`udpFaultProxy: blackHole is ${String(toxics.blackHole)}; give true or false`);
  const known = new Set<string>([...ranges.map(([name]) => name), 'blackHole']);
  for (const name of Object.keys(toxics)) {
    if (!known.has(name)) throw new TypeError(`udpFaultProxy: there is no toxic ${name}; there are ${[...known].join(', ')}`);
  }
}
