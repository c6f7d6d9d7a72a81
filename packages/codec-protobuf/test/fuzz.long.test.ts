import { expect, it } from 'vitest';
import { fuzz } from './fuzz.ts';

// Another seed each day, printed with what it found.
const seed = Number(process.env['RPCXJS_SEED'] ?? Math.floor(Date.now() / 86_400_000));

it(`B13: 10 000 000 mutated messages from seed ${seed} give a message or BAD_PAYLOAD, none hangs, and memory stays flat`, () => {
  fuzz(seed, 1_000_000);
  const before = process.memoryUsage.rss();
  let slowestMs = 0;
  for (let part = 1; part < 10; part++) slowestMs = Math.max(slowestMs, fuzz(seed + part, 1_000_000).slowestMs);
  // A pause of the whole process is no hang of the decoder, so the bound is loose.
  expect(slowestMs).toBeLessThan(5000);
  expect(process.memoryUsage.rss()).toBeLessThan(before * 1.1 + 32 * 1024 * 1024);
}, 3_600_000);
