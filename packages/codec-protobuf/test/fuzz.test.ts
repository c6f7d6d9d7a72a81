import { expect, it } from 'vitest';
import { fuzz } from './fuzz.ts';

it('B13: 10 000 mutated messages give a message or BAD_PAYLOAD, the same with and without generated code', () => {
  const { messages, refused } = fuzz(1, 10_000);
  expect(messages).toBeGreaterThan(1000);
  expect(refused).toBeGreaterThan(1000);
});
