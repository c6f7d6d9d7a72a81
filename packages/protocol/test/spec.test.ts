import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { reserved } from '../src/index.ts';
import { readFrames } from './frame-reader.ts';
import { hexBytes } from './golden.ts';

const page = readFileSync(new URL('../spec.md', import.meta.url), 'utf8');
const frames = [...page.matchAll(/```\n(08 00[\s\S]*?)```/g)].map(([, block = '']) =>
  hexBytes(block.split('\n').map((line) => line.replace(/ {3,}.*$/, '').replaceAll(' ', '')).join('')));

it('the worked frames of spec.md are frames', () => {
  const read = readFrames(frames);
  expect(read.map(({ flags, sequence, service, method, payload }) => [flags, Number(sequence), service, method, payload.length])).toEqual([
    [0x00, 0, 'Arith', 'Mul', 7],
    [0x80, 0, 'Arith', 'Mul', 5],
    [0x20, 7, reserved.controlPath, 'cancel.1', 0],
  ]);
});

it('the metadata keys of spec.md are those of the code', () => {
  for (const key of Object.values(reserved)) expect(page).toContain(`\`${key}\``);
});
