import { expect, it } from 'vitest';
import { methodsOf } from './method-refs.ts';

it.each([
  [{ idempotant: ['Mul'] }, 'methodsOf has no option "idempotant": it takes idempotent'],
  [{ idempotent: 'Mul' }, 'idempotent is "Mul": it takes a list of methods'],
  [null, 'methodsOf is null: it takes an object with some of idempotent'],
])('methodsOf refuses %o, with which no method would be tried again', (options, message) => {
  expect(() => methodsOf('Arith', options as object)).toThrow(new TypeError(message));
});

it('a method of methodsOf knows whether it may run twice, by its own option', () => {
  const { Mul, Div } = methodsOf<{ Mul(input: number): number; Div(input: number): number }>('Arith', { idempotent: ['Mul'] });
  expect([Mul, Div]).toEqual([{ kind: 'unary', service: 'Arith', name: 'Mul', idempotent: true }, { kind: 'unary', service: 'Arith', name: 'Div', idempotent: false }]);
  expect(methodsOf('Arith', { idempotent: undefined })['Mul']).toMatchObject({ idempotent: false });
});
