import type { Dialer } from '@rpcxjs/core';
import { createTraffic, type Traffic } from '@rpcxjs/session';
import type { CallCounters } from './call-runner.ts';

/** What a client has done since it was made or reset, and what is going on now; plain JSON. */
export interface ClientStats extends Readonly<CallCounters> {
  /** Those of `calls` that have not ended: `calls` is always `succeeded`, `failed` and `active` together. `pendingCount` has what interceptors hold back, too. */
  readonly active: number;
  /** Calls that wait for a connection. */
  readonly queued: number;
  /** Replies that nobody waited for any more. */
  readonly lateReplies: number;
  /** Messages of servers that nobody listened for, or read in time. */
  readonly droppedPushes: number;
  readonly connections: number;
  /** Connections that were tried, those that failed included. */
  readonly dials: number;
  readonly dialErrors: number;
  /** Connections that did not end cleanly: they broke, fell silent, or sent bytes that are no frames. */
  readonly connectionErrors: number;
  /** Of all connections, those that ended included. */
  readonly traffic: Readonly<Traffic>;
  /** Of the calls that ended; 0 before the first one. */
  readonly averages: CallAverages;
}
export interface CallAverages {
  /** Milliseconds from the start of a call to its end. */
  readonly callMs: number;
  /** In both directions, as they were on the wire. */
  readonly bytes: number;
  /** Reads and writes of the network: how well calls are batched. */
  readonly chunks: number;
}

/** How often the network was asked for a connection. */
export interface DialCounters {
  dials: number;
  dialErrors: number;
}

/** The same dialers, counted. */
export function countDials(dialers: readonly Dialer[], counters: DialCounters): readonly Dialer[] {
  return dialers.map((dialer) => ({
    networks: dialer.networks,
    async dial(address, options) {
      counters.dials += 1;
      try {
        return await dialer.dial(address, options);
      } catch (error) {
        counters.dialErrors += 1;
        throw error;
      }
    },
  }));
}

/** Everything but the averages, which follow from it. */
export type CountedStats = Omit<ClientStats, 'averages'>;

/** The counts since `start`; values that are not counts are as they are now. */
export function statsSince(start: CountedStats | undefined, now: CountedStats): ClientStats {
  const counted = start === undefined ? now : grown(start, now);
  const { succeeded, failed, callMs, traffic } = counted;
  const ended = Math.max(1, succeeded + failed);
  const { bytesRead, bytesWritten, chunksRead, chunksWritten } = traffic;
  const averages = succeeded + failed === 0 ? { callMs: 0, bytes: 0, chunks: 0 } : { callMs: callMs / ended, bytes: (bytesRead + bytesWritten) / ended, chunks: (chunksRead + chunksWritten) / ended };
  return { ...counted, averages };
}

const states = new Set(['active', 'queued', 'connections']);

function grown(start: CountedStats, now: CountedStats): CountedStats {
  const difference = Object.entries(now).map(([name, value]) => {
    const before = start[name as keyof CountedStats]; // both have the same names
    return [name, typeof value !== 'number' || typeof before !== 'number' || states.has(name) ? value : value - before];
  });
  const traffic = createTraffic();
  for (const name of Object.keys(traffic) as (keyof Traffic)[]) traffic[name] = now.traffic[name] - start.traffic[name];
  return { ...Object.fromEntries(difference), traffic } as CountedStats; // names and kinds are those of `now`
}
