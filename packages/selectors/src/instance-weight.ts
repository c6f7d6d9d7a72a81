import type { ServiceInstance } from '@rpcxjs/core';

const largest = 1_000_000_000;

/** How much of the traffic an instance wants, from its metadata `weight`: 1 without a usable one, as in rpcx; 0 takes it out of the rotation. */
export function instanceWeight({ metadata }: ServiceInstance): number {
  const [given] = [metadata['weight'] ?? []].flat();
  if (typeof given !== 'string' || !/^\+?\d{1,18}$/.test(given)) return 1;
  return Math.min(Number(given), largest);
}
