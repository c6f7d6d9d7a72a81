import { described } from '@rpcxjs/core/options';
import type { Pace } from './pace.ts';

/** Which way is blocked: nothing arrives until it is lifted, not even an end. */
export type BlackHole = 'none' | 'toServer' | 'toClient' | 'both';

/** What happens to bytes on their way. */
export interface Weather {
  /** How long everything takes, in milliseconds, by the runtime's clock. @default 0 */
  readonly delayMs: number;
  /** The longest piece that is delivered at once. @default Infinity */
  readonly chunkBytes: number;
  /** What is sent is held back; lifted, it arrives. @default 'none' */
  readonly blackHole: BlackHole;
  /** Dials are refused although somebody listens. @default false */
  readonly refuse: boolean;
  /** Overwrites each chunk after its delivery, so that whoever kept it without copying is found out. @default true, of `memory()` false */
  readonly poison: boolean;
}

export const clearSky: Weather = { delayMs: 0, chunkBytes: Number.POSITIVE_INFINITY, blackHole: 'none', refuse: false, poison: true };

/** The present weather; each pipe looks at it for each piece. */
export interface Sky {
  now: Weather;
  readonly pace: Pace;
}

const ways: readonly string[] = ['none', 'toServer', 'toClient', 'both'];

/** Throws TypeError for invalid weather. */
export function changed(weather: Weather, change: Partial<Weather>): Weather {
  for (const name of Object.keys(change)) {
    if (!(name in clearSky)) throw new TypeError(`memoryNetwork: there is no weather called ${name}; there are ${Object.keys(clearSky).join(', ')}`);
  }
  const next = { ...weather, ...change };
  if (!(typeof next.delayMs === 'number' && next.delayMs >= 0)) throw new TypeError(`memoryNetwork: delayMs is ${described(next.delayMs)}; give milliseconds, at least 0`);
  if (!(next.chunkBytes >= 1)) throw new TypeError(`memoryNetwork: chunkBytes is ${next.chunkBytes}; give at least 1`);
  if (!ways.includes(next.blackHole)) throw new TypeError(`memoryNetwork: blackHole is ${String(next.blackHole)}; say ${ways.map((way) => `'${way}'`).join(', ')}`);
  for (const name of ['refuse', 'poison'] as const) if (typeof next[name] !== 'boolean') throw new TypeError(`memoryNetwork: ${name} is ${String(next[name])}; give true or false`);
  return next;
}
