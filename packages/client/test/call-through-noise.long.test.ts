import { expect, it } from 'vitest';
import { callThroughNoise } from './call-through-noise.ts';

it('J3: a million calls meet no other, with late replies, duplicates and numbers that nobody has', async () => {
  expect(await callThroughNoise(1_000_000)).toEqual({ wrong: 0, unnoticed: 0, active: 0, connections: 1 });
});
