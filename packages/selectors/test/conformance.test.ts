import { countCases, selectorCases, type SelectorCasesOptions } from '@rpcxjs/conformance';
import { seededRandom } from '@rpcxjs/testing';
import { describe, expect, it } from 'vitest';
import {
  closest, consistentHash, leastPending, powerOfTwo, random, roundRobin, sticky, userSelector, weightedByRoundTrip, weightedRoundRobin,
} from '../src/index.ts';

const everywhere = { latitude: 0, longitude: 0 };
const all: Record<string, SelectorCasesOptions> = {
  random: { create: () => random({ random: seededRandom(1) }) },
  roundRobin: { create: roundRobin },
  weightedRoundRobin: { create: weightedRoundRobin },
  weightedByRoundTrip: { create: () => weightedByRoundTrip({ probe: () => Promise.resolve(20) }) },
  consistentHash: { create: consistentHash, supports: { keys: true } },
  closest: { create: () => closest(everywhere) },
  userSelector: { create: () => userSelector((info, instances) => instances[(info.hashKey ?? '').length % instances.length]), supports: { spreads: false, keys: true } },
  'sticky(roundRobin)': { create: () => sticky(roundRobin()), supports: { spreads: false } },
  'sticky(leastPending)': { create: () => sticky(leastPending()), supports: { spreads: false } },
  leastPending: { create: leastPending },
  powerOfTwo: { create: powerOfTwo },
};

describe.each(Object.entries(all))('%s conforms', (_name, options) => {
  for (const one of selectorCases(options)) it(one.name, one.run);
  it('skips what it says only', () => expect(countCases(selectorCases(options)).skipped).toBeLessThanOrEqual(2));
});
