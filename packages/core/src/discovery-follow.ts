import type { Discovery, ServiceInstance, WatchOptions } from './discovery.ts';
import { onAbort } from './lazy-signal.ts';
import { sleep } from './sleep.ts';
import { thrownText } from './thrown-text.ts';

/** Called with what a source says; nothing is called after it was stopped. */
export interface Followed {
  list(instances: readonly ServiceInstance[]): void;
  /** The source failed and will be asked again, unless it is stopped now. */
  failed(error: unknown): void;
  /** The source has ended. */
  ended(): void;
}

const firstDelayMs = 100;
const longestDelayMs = 5000;

/**
 * Reads a source until stopped, and asks one that fails again, later and later: full jitter, 100 ms at first, 5 s at most.
 * A failure is logged once until the source speaks again. Stopping aborts the source's signal and leaves its iterator, and waits for neither.
 */
export function followDiscovery(source: Discovery, service: string, options: WatchOptions, followed: Followed): () => void {
  const controller = new AbortController();
  const { signal } = controller;
  let iterator: AsyncIterator<readonly ServiceInstance[]> | undefined;
  /** It may wait for a source that does not look at its signal, and it may throw. */
  const leave = (): void => void (async () => iterator?.return?.())().catch(() => {});
  const stop = (): void => {
    if (signal.aborted) return;
    unlink();
    controller.abort(options.signal?.reason);
    leave();
  };
  let unlink = (): void => {};
  if (options.signal !== undefined) unlink = onAbort(options.signal, stop);

  let warned = false;
  /** Entries without an address are left out here: one of them would end whatever is made of the list. The rest is for whoever dials. */
  const whole = (list: readonly ServiceInstance[]): readonly ServiceInstance[] => {
    if (!Array.isArray(list)) throw new TypeError('it said what is no list of instances');
    if (list.every(isInstance)) return list;
    const usable = list.filter(isInstance);
    if (!warned) options.runtime.logger.warn({ service, faults: list.length - usable.length }, `a discovery of "${service}" said entries without an address or without metadata; they are left out`);
    warned = true;
    return usable;
  };

  const readAll = async (): Promise<void> => {
    let failures = 0;
    while (!signal.aborted) {
      try {
        iterator = source.watch(service, { ...options, signal })[Symbol.asyncIterator]();
        for (let result = await iterator.next(); !signal.aborted; result = await iterator.next()) {
          if (result.done === true) {
            followed.ended();
            return;
          }
          failures = 0;
          followed.list(whole(result.value));
        }
      } catch (error) {
        if (signal.aborted) return;
        leave(); // it is not over when it was its list that failed
        followed.failed(error);
        // Whoever was told stopped it.
        if (!signal.aborted && failures === 0) options.runtime.logger.warn({ service, err: error }, `a discovery failed and is asked again: ${thrownText(error)}`);
        failures += 1;
      }
      const { clock } = options.runtime;
      await sleep(clock, clock.random() * Math.min(longestDelayMs, firstDelayMs * 1.6 ** (failures - 1)), signal).catch(() => {});
    }
  };
  // Nothing is said before whoever asked can stop it.
  void Promise.resolve().then(readAll);
  return stop;
}

function isInstance(entry: unknown): entry is ServiceInstance {
  if (typeof entry !== 'object' || entry === null) return false;
  const { address, metadata } = entry as Partial<ServiceInstance>; // looked at here
  return typeof address === 'string' && typeof metadata === 'object' && metadata !== null;
}
