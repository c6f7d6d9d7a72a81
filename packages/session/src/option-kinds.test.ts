import { describe, expect, it } from 'vitest';
import { checkKinds, objectKind, typeKind } from './option-kinds.ts';

const kinds = { one: objectKind('one()', 'run'), some: { ...objectKind('[two()]', 'open', 'close'), list: true }, text: typeKind('a text, or a function', 'string', 'function'), other: {} } as const;
const check = (options: object): (() => void) => () => checkKinds('make', options, kinds);

describe('checkKinds', () => {
  it('takes what fits, what is left out, and whatever is looked at elsewhere', () => {
    const run = Object.assign(() => {}, { run() {} });
    for (const fine of [{}, { one: undefined }, { one: run }, { some: [] }, { some: [{ open() {}, close() {} }] }, { text: () => 'x' }, { other: 5 }]) expect(check(fine)).not.toThrow();
  });

  it.each([
    [{ tow: 1 }, 'make has no option "tow": it takes one, some, text, other'],
    [{ one: () => 1 }, 'one is the function one: it takes an object with the function run, for example one()'],
    [{ one: null }, 'one is null: it takes an object with the function run, for example one()'],
    [{ some: { open() {}, close() {} } }, 'some is an object of another kind: it takes a list'],
    [{ some: [{ open() {}, close() {} }, { open() {} }] }, 'some[1] is an object of another kind: it takes an object with the functions open and close, for example [two()]'],
    [{ text: 5 }, 'text is 5: it takes a text, or a function'],
  ])('says what to pass when it gets %o', (options, message) => {
    expect(check(options)).toThrow(new TypeError(message));
  });
});
