import { expect, it } from 'vitest';
import { mostSlots, takeFill } from './object-slots.ts';

it('each of the functions fills objects of every size, and there are eight', () => {
  const names = Array.from({ length: mostSlots }, (_, index) => `k${index}`);
  let functions = 0;
  for (let fill = takeFill(); fill !== undefined; fill = takeFill()) {
    functions++;
    for (let size = 1; size <= mostSlots; size++) {
      const some = names.slice(0, size);
      const template = Object.fromEntries(some.map((name) => [name, null]));
      const filled = fill(template, some as unknown as Parameters<typeof fill>[1], some.map((name) => name.toUpperCase()));
      expect(filled).toStrictEqual(Object.fromEntries(some.map((name) => [name, name.toUpperCase()])));
      expect(template['k0']).toBe(null);
    }
  }
  // Tests that ran in this process before may have taken some.
  expect(functions).toBeGreaterThan(0);
  expect(functions).toBeLessThanOrEqual(8);
});
