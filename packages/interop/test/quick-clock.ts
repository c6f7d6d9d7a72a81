import { type ManualClock, manualClock } from '@rpcxjs/testing';

const stepMs = 5;

/** A clock that runs `factor` times faster than the machine's, in steps between which I/O happens: hours of heartbeats pass in seconds. */
export type QuickClock = ManualClock & Disposable;

export function quickClock(factor: number): QuickClock {
  const clock = manualClock();
  // A step is a step however late it comes: a busy machine slows the clock down, and never makes silence of its own lateness.
  const driver = setInterval(() => { clock.advance(stepMs * factor); }, stepMs);
  return Object.assign(clock, { [Symbol.dispose]: () => { clearInterval(driver); } });
}
