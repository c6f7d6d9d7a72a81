import { describe, expect, it } from 'vitest';
import { formatMetadata, parseMetadata } from './instance-metadata.ts';

describe('metadata as a query string', () => {
  // The right side is what url.Values.Encode of Go prints for the left one.
  it.each([
    [{}, ''],
    [{ weight: '3', state: 'inactive', group: 'test', calls: '12.50' }, 'calls=12.50&group=test&state=inactive&weight=3'],
    [{ group: ['b', 'a'], Z: '1', a: '' }, 'Z=1&a=&group=b&group=a'],
    [{ text: 'a b+c&d=e;f%g' }, 'text=a+b%2Bc%26d%3De%3Bf%25g'],
    [{ "k !'()*~-._": 'ß€😀' }, 'k+%21%27%28%29%2A~-._=%C3%9F%E2%82%AC%F0%9F%98%80'],
    [{ '\uffee': '1', '😀': '2' }, '%EF%BF%AE=1&%F0%9F%98%80=2'],
    [{ '': 'x', nothing: [] }, '=x'],
    [JSON.parse('{"__proto__":"p","constructor":"c"}') as Record<string, string>, '__proto__=p&constructor=c'],
  ])('%j is %s, and back', (metadata, text) => {
    expect(formatMetadata(metadata)).toBe(text);
    const { nothing: _nothing, ...kept } = metadata as Record<string, string | string[]>;
    expect(Object.entries(parseMetadata(text) ?? {}).sort()).toEqual(Object.entries(kept).sort());
  });

  it.each([
    ['a', { a: '' }], ['a&&b=', { a: '', b: '' }], ['=', { '': '' }], ['a=b=c', { a: 'b=c' }], ['a=%41+%42', { a: 'A B' }], ['a=1&b=2&a=3', { a: ['1', '3'], b: '2' }], ['a=%ff', { a: '\ufffd' }],
  ])('reads %s as Go does', (text, expected) => {
    expect(parseMetadata(text)).toEqual(expected);
  });

  it.each(['a=%', 'a=%4', 'a=%zz', '%=1', 'a=1;b=2', 'ok=1&bad=%g0'])('G10: refuses %s as Go does', (text) => {
    expect(parseMetadata(text)).toBeUndefined();
  });

  it('G10: reads a value of 1 MiB, of escapes only too', () => {
    expect(parseMetadata(`a=${'x'.repeat(1 << 20)}`)?.['a']).toHaveLength(1 << 20);
    expect(parseMetadata(`a=${'%41'.repeat(1 << 18)}`)?.['a']).toBe('A'.repeat(1 << 18));
    expect(parseMetadata('%41'.repeat(1 << 18))).toEqual({ ['A'.repeat(1 << 18)]: '' });
  });
});
