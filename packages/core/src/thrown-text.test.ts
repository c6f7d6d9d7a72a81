import { expect, it } from 'vitest';
import { thrownText } from './thrown-text.ts';

function revoked(): unknown {
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  return proxy;
}

it.each<[() => unknown, string]>([
  [() => new Error('plain'), 'plain'],
  [() => 'a text', 'a text'],
  [() => undefined, 'undefined'],
  [() => null, 'null'],
  [() => 42n, '42'],
  [() => Symbol('s'), 'Symbol(s)'],
  [() => ({ message: 'like an error' }), 'like an error'],
  [() => ({ message: 7 }), '7'],
  [() => ({}), '[object Object]'],
  [() => Object.create(null), 'a value that cannot be shown'],
  [() => ({ get message(): string { throw new Error('trap'); } }), 'a value that cannot be shown'],
  [revoked, 'a value that cannot be shown'],
])('C6: says what was thrown, whatever it is (%#)', (make, text) => {
  expect(thrownText(make())).toBe(text);
});
