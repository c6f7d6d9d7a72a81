import type { Reply, ServerCall } from '@rpcxjs/core';
import { describe, expect, it } from 'vitest';
import { alias } from './alias.ts';

function meant(names: Readonly<Record<string, string>>, service: string, method: string): string {
  const call = (to: { readonly service?: string; readonly method?: string }, from = { service: '', method: '' }): ServerCall =>
    ({ service: to.service ?? from.service, method: to.method ?? from.method, with: (changes: object) => call(changes, { service, method }) }) as ServerCall; // what alias looks at
  const seen = alias(names).intercept?.((last) => ({ output: `${last.service} ${last.method}`, metadata: {} }))(call({ service, method })) as Reply; // it is synchronous
  return String(seen.output);
}

describe('alias', () => {
  it.each([
    [{ 'a.b/Mul': 'Arith/Mul' }, 'a.b', 'Mul', 'Arith Mul'],
    [{ 'a.b/Mul': 'Arith/Mul' }, 'a.b', 'Add', 'a.b Add'],
    [{ 'a.b/Mul': 'Arith/Mul' }, 'Arith', 'Mul', 'Arith Mul'],
    [{ 'Arith/Times': 'Arith/Mul' }, 'Arith', 'Times', 'Arith Mul'],
    [{ arith: 'Arith' }, 'arith', 'Add', 'Arith Add'],
    [{ arith: 'Arith', 'arith/Mul': 'Fast/Mul' }, 'arith', 'Mul', 'Fast Mul'],
    [{ 'x/y/Mul': 'Arith/Mul' }, 'x/y', 'Mul', 'Arith Mul'],
    [{ 'a/M': 'b/M', 'b/M': 'c/M' }, 'a', 'M', 'b M'],
    [{ 'constructor/toString': 'A/B' }, 'constructor', 'toString', 'A B'],
    [{}, '__proto__', 'toString', '__proto__ toString'],
  ])('with %j, %s.%s is %s', (names, service, method, expected) => {
    expect(meant(names, service, method)).toBe(expected);
  });

  it.each([undefined, null, [], 'a/b', { 'a/b': 'c' }, { a: 'b/c' }, { '': 'a' }, { 'a/': 'b/c' }, { '/a': 'b/c' }, { 'a/b': 7 }, { 'a/b': '' }])('%j is a TypeError', (names) => {
    expect(() => alias(names as never)).toThrow(TypeError);
  });
});
