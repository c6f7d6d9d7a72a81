import { expect, it } from 'vitest';
import { type, wire } from './schema.ts';

it('type() accepts every value and gives it back as it is', async () => {
  const schema = type<{ a: number }>();
  const value = { a: 'not even a number' };
  const result = await schema['~standard'].validate(value);
  expect(result).toEqual({ value });
  expect('value' in result && result.value).toBe(value);
  expect(schema['~standard']).toMatchObject({ version: 1, vendor: 'rpcxjs' });
});

it('the wire symbol is the same in every copy of the package', () => {
  expect(wire).toBe(Symbol.for('@rpcxjs/core/wire'));
});
