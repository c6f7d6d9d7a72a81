import { describe, expect, it } from 'vitest';
import { goText } from './go-text.ts';

describe('goText', () => {
  // What Go 1.24 prints for each.
  it.each([
    ['abc', 'abc'], ['', ''], [42, '42'], [-7, '-7'], [0, '0'], [-0, '0'], [1_000_000, '1000000'], [2 ** 53, '9007199254740992'], [12n, '12'],
    [1.5, '1.5'], [0.1, '0.1'], [0.0001, '0.0001'], [0.00001, '1e-05'], [0.00001234, '1.234e-05'], [123456.5, '123456.5'], [1234567.5, '1.2345675e+06'],
    [1e20, '1e+20'], [2e21, '2e+21'], [2.5e-7, '2.5e-07'], [Infinity, '+Inf'], [-Infinity, '-Inf'], [Number.NaN, 'NaN'], [123456789012345.6, '1.234567890123456e+14'], [-0.5, '-0.5'],
    [true, 'true'], [false, 'false'], [null, '<nil>'], [undefined, '<nil>'],
    [[1, 'a', null, [1, 2]], '[1 a <nil> [1 2]]'], [[], '[]'], [new Uint8Array([97, 98]), '[97 98]'],
    [{ b: 2, a: 1 }, 'map[a:1 b:2]'], [{ b: 2, a: null, c: {} }, 'map[a:<nil> b:2 c:map[]]'], [{ '\ufffd': 1, '😀': 2, Z: 3 }, 'map[Z:3 \ufffd:1 😀:2]'],
    [new Map([[10, 'a'], [2, 'b']]), 'map[2:b 10:a]'],
  ])('prints %o as %s', (value, expected) => {
    expect(goText(value)).toBe(expected);
  });

  it('ends for what contains itself', () => {
    const cycle: unknown[] = [];
    cycle.push(cycle);
    expect(goText(cycle)).toContain('...');
  });
});
