import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { encodedTightly } from './payload.ts';

beforeEach(() => { vi.resetModules(); });
afterEach(() => {
  vi.unstubAllGlobals();
  vi.resetModules();
});

it('writes and reads the same without Node\'s Buffer', async () => {
  const values = ['', 'é'.repeat(20), '服'.repeat(33), 'x'.repeat(41), 'x'.repeat(300), '🚀'.repeat(100), '\ud800 alone', 'y'.repeat(40_000), { key: ['long '.repeat(20)] }];
  const { msgpack: here } = await import('../src/index.ts');
  const expected = values.map((value) => encodedTightly(here, value));
  vi.resetModules();
  vi.stubGlobal('Buffer', undefined);
  const { msgpack: there } = await import('../src/index.ts');
  expect(there).not.toBe(here);
  const written = values.map((value) => encodedTightly(there, value));
  const read = written.map((payload) => there.decode(payload, 0, payload.length));
  vi.unstubAllGlobals();
  expect(written).toStrictEqual(expected);
  expect(read).toEqual(values.map((value) => (value === '\ud800 alone' ? '\ufffd alone' : value)));
});
