export { faultProxy } from './fault-proxy.ts';
export type { FaultDirection, FaultProxy, FaultProxyOptions } from './fault-proxy.ts';
export { manualClock } from './manual-clock.ts';
export type { ManualClock, ManualClockOptions } from './manual-clock.ts';
export { seededRandom } from './seeded-random.ts';
export type { Toxics } from './toxics.ts';
