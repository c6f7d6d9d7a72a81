import { describe, expect, it } from 'vitest';
import { contextKey, createContextValues, createMetadata } from './context.ts';

describe('createMetadata', () => {
  it('C1: keeps __proto__, constructor and prototype as keys like any other', () => {
    const before = Object.getOwnPropertyNames(Object.prototype);
    const hostile = JSON.parse('{"__proto__":"a","constructor":"b","prototype":"c","toString":"d"}') as Record<string, string>;
    const metadata = createMetadata(hostile);
    expect(Object.getPrototypeOf(metadata)).toBe(null);
    expect(Object.entries(metadata)).toEqual([['__proto__', 'a'], ['constructor', 'b'], ['prototype', 'c'], ['toString', 'd']]);
    expect(Object.getOwnPropertyNames(Object.prototype)).toEqual(before);
    expect(({} as { a?: unknown }).a).toBe(undefined);
  });

  it('copies, and takes nothing that is inherited', () => {
    const source = Object.create({ inherited: 'x' }) as Record<string, string>;
    source['own'] = 'y';
    const metadata = createMetadata(source);
    source['own'] = 'changed';
    expect(Object.entries(metadata)).toEqual([['own', 'y']]);
    expect(Object.keys(createMetadata())).toEqual([]);
  });
});

describe('context values', () => {
  it('gives the default until something was set, also for undefined', () => {
    const user = contextKey<string | undefined>('user', 'nobody');
    const values = createContextValues();
    expect(values.get(user)).toBe('nobody');
    expect(values.set(user, undefined)).toBe(values);
    expect(values.get(user)).toBe(undefined);
  });

  it('keeps keys apart that have the same description', () => {
    const one = contextKey('n', 1);
    const other = contextKey('n', 2);
    const values = createContextValues().set(one, 10);
    expect([values.get(one), values.get(other)]).toEqual([10, 2]);
    expect(createContextValues().get(one)).toBe(1);
  });
});
