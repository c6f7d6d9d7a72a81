import type { Clock, Timer } from './runtime.ts';

// Node and browsers fire a longer timer after 1 ms instead of never.
const longestTimerMs = 2 ** 31 - 1;

function setTimer(run: () => void, delayMs: number): Timer {
  let remainingMs = delayMs > 0 ? delayMs : 0;
  let handle: ReturnType<typeof setTimeout>;
  const arm = (): void => {
    const stepMs = Math.min(remainingMs, longestTimerMs);
    remainingMs -= stepMs;
    handle = setTimeout(() => (remainingMs > 0 ? arm() : run()), stepMs);
  };
  arm();
  return { cancel: () => clearTimeout(handle) };
}

/** The process's own clock. */
export const systemClock: Clock = {
  now: () => performance.now(),
  wallTime: () => Date.now(),
  random: () => Math.random(),
  setTimer,
};
