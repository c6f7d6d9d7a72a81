import { sleep, type Clock } from '@rpcxjs/core';

const pauseMs = 250;

/** How long to wait for an election. */
export interface ElectionPatience {
  readonly clock: Clock;
  /** Milliseconds that an operation has in all. */
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

/** `work`, and again while a cluster elects its leader, which takes a second or two. A cluster that has none for longer says so within the deadline. */
export async function throughElection<T>({ clock, timeoutMs, signal }: ElectionPatience, work: () => Promise<T>): Promise<T> {
  const until = clock.now() + timeoutMs * 0.8;
  for (;;) {
    try {
      return await work();
    } catch (error) {
      if (signal.aborted || clock.now() + pauseMs > until || !/no leader/i.test(String(error))) throw error;
    }
    await sleep(clock, pauseMs, signal);
  }
}
