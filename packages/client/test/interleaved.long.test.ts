import { expect, it } from 'vitest';
import { interleaved } from './interleaved.ts';

it('N04: 1000 calls of 10 KB at once never interleave, though each byte comes by itself', async () => {
  expect(await interleaved(1000, 1)).toEqual([]);
}, 120_000);
