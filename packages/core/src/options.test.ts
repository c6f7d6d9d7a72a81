import { expect, it } from 'vitest';
import { checkNames, described, refuse } from './options.ts';

it.each([
  [{ tow: 1 }, 'make has no option "tow": it takes one, two'],
  [5, 'make is 5: it takes an object with some of one, two'],
  ['x', 'make is "x": it takes an object with some of one, two'],
  [null, 'make is null: it takes an object with some of one, two'],
  [[], 'make is an object of another kind: it takes an object with some of one, two'],
  [() => 0, 'make is a function: it takes an object with some of one, two'],
])('options that are %j are refused with what there is, from a list and from the keys of an object', (given, message) => {
  for (const known of [['one', 'two'], { one: 1, two: 2 }]) expect(() => checkNames('make', given, known)).toThrow(new TypeError(message));
});

it('options that are known, and none, pass; what every object has is no option', () => {
  for (const given of [{}, { one: undefined, two: 2 }, undefined]) expect(() => checkNames('make', given, ['one', 'two'])).not.toThrow();
  expect(() => checkNames('make', { toString: 1 }, { one: 1 })).toThrow('make has no option "toString": it takes one');
});

it('a value is named with what the option takes', () => {
  expect(() => refuse('pool.max', 'all', 'a number')).toThrow(new TypeError('pool.max is "all": it takes a number'));
  expect(() => refuse('selector', refuse, 'a selector')).toThrow(new TypeError('selector is the function refuse: it takes a selector'));
});

it('a value is named as its writer knows it', () => {
  expect([failing, () => 1, {}, undefined, 'x', true, Number.NaN, 10n, Symbol('s')].map(described)).toEqual(['the function failing', 'a function', 'an object of another kind', 'undefined', '"x"', 'true', 'NaN', '10', 'Symbol(s)']);
});
function failing(): void {}
