import { expect, it } from 'vitest';
import { closest } from './closest.ts';
import { powerOfTwo } from './power-of-two.ts';
import { random } from './random.ts';
import { tcpProbe } from './tcp-probe.ts';
import { weightedByRoundTrip } from './weighted-by-round-trip.ts';

it.each([
  [() => powerOfTwo({ decay: 5 } as object), 'powerOfTwo has no option "decay": it takes decayMs, random, now'],
  [() => powerOfTwo(null as never), 'powerOfTwo is null: it takes an object'],
  [() => random({ draw: Math.random } as object), 'random has no option "draw": it takes random'],
  [() => closest({ latitude: 1, longitude: 2, rand: 0 } as never), 'closest has no option "rand": it takes latitude, longitude, random'],
  [() => weightedByRoundTrip({ probe: async () => 1, interval: 5 } as never), 'weightedByRoundTrip has no option "interval": it takes probe, intervalMs, timeoutMs, now'],
  [() => tcpProbe({ timeout: 5 } as object), 'tcpProbe has no option "timeout": it takes timeoutMs'],
])('a misspelt option is a TypeError that says what there is: %s', (make, message) => {
  expect(make).toThrow(TypeError);
  expect(make).toThrow(message);
});
