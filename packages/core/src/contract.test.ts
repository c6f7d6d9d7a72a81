import { describe, expect, it } from 'vitest';
import { contract, isError } from './contract.ts';
import { RpcError } from './errors.ts';
import { bidiStream, clientStream, push, serverStream, unary } from './method.ts';
import { type } from './schema.ts';

const Orders = contract('Orders', {
  Place: unary({ input: type<{ Sku: string }>(), output: type<{ Id: number }>(), errors: { OutOfStock: type<{ left: number }>() } }),
  Find: unary<{ Id: number }, { Sku: string }>({ idempotent: true }),
  Shipped: push<{ Id: number }>(),
});

describe('contract', () => {
  it('binds each method to its names and keeps what it was made with', () => {
    expect(Orders.name).toBe('Orders');
    expect(Object.keys(Orders.methods)).toEqual(['Place', 'Find', 'Shipped']);
    expect(Orders.methods.Find).toEqual({ kind: 'unary', idempotent: true, service: 'Orders', name: 'Find' });
    expect(Orders.methods.Shipped).toEqual({ kind: 'push', service: 'Orders', name: 'Shipped' });
    expect(Object.keys(Orders.methods.Place.errors!)).toEqual(['OutOfStock']);
  });

  it('knows each kind', () => {
    expect([unary(), serverStream(), clientStream(), bidiStream(), push()].map(({ kind }) => kind))
      .toEqual(['unary', 'serverStream', 'clientStream', 'bidiStream', 'push']);
  });

  it('leaves the methods that it was given alone, so that two contracts may share them', () => {
    const shared = unary<void, void>();
    const one = contract('One', { M: shared });
    const two = contract('Two', { M: shared });
    expect([one.methods.M.service, two.methods.M.service]).toEqual(['One', 'Two']);
    expect(shared).toEqual({ kind: 'unary' });
  });

  it('C1: takes a method called __proto__ for a method', () => {
    const methods = JSON.parse('{"__proto__":{"kind":"unary"}}') as Record<string, ReturnType<typeof unary>>;
    const made = contract('S', methods);
    expect(Object.keys(made.methods)).toEqual(['__proto__']);
    expect(Object.getPrototypeOf(made.methods)).toBe(Object.prototype);
  });

  it.each(['', '_rpcxjs', '_rpcxjs-x', 'é'.repeat(128)])('refuses the name %j for a service and for a method', (name) => {
    expect(() => contract(name, {})).toThrow(`"${name}" cannot be the name of a service: it takes 1 to 255 bytes, not _rpcxjs… and not then`);
    expect(() => contract('S', { [name]: unary() })).toThrow(TypeError);
  });

  it.each([undefined, null, 5, Symbol('x')])('refuses the name %s, which is no text', (name) => {
    expect(() => contract(name as never, {})).toThrow(/cannot be the name of a service: it takes 1 to 255 bytes/);
  });

  it.each([undefined, null, 5, unary, type(), 'unary'])('refuses the method %s, as a circular import or a forgotten call leaves one', (method) => {
    expect(() => contract('S', { M: method as never })).toThrow('the method "M" is not one of unary(), push()… with schemas');
    expect(() => contract('S', [method] as never)).toThrow(TypeError);
  });

  it.each([undefined, null, 5, 'Find', unary])('refuses %s where the methods belong', (methods) => {
    expect(() => contract('S', methods as never)).toThrow(new TypeError(`contract() takes methods, and no value of the type ${typeof methods}`));
  });

  it.each([{ idempotant: true }, { error: {} }, 'x', type()])('a method refuses what it does not have, which would be silence: %o', (spec) => {
    for (const make of [unary, serverStream, clientStream, bidiStream] as ((given: object) => unknown)[]) expect(() => make(spec as object)).toThrow(/^(unary|\w+Stream)\(\) takes no (idempotant|error|0|~standard)$/);
    expect(unary(undefined)).toEqual({ kind: 'unary' });
  });

  it.each([null, 5, {}, { parse: () => 1 }, () => 1, 'x'])('refuses %s where a schema belongs', (schema) => {
    for (const spec of [{ input: schema }, { output: schema }, { errors: { Gone: schema } }]) {
      expect(() => contract('S', { M: unary(spec as never) })).toThrow('the method "M" is not one of unary(), push()… with schemas');
    }
    expect(Object.keys(contract('S', { M: unary({ input: undefined, output: undefined, errors: undefined } as never) }).methods)).toEqual(['M']);
  });

  it('takes names up to 255 bytes, in any script', () => {
    const name = `${'é'.repeat(127)}x`;
    expect(Object.keys(contract(name, { [name]: unary() }).methods)).toEqual([name]);
    expect(contract('a.b/c _rpcx', {}).name).toBe('a.b/c _rpcx');
  });

  it('C9: refuses a method that would make the client look like a promise', () => {
    expect(() => contract('S', { then: unary() })).toThrow('"then" cannot be the name of a method: it takes 1 to 255 bytes, not _rpcxjs… and not then');
    expect(Object.keys(contract('S', { Then: unary() }).methods)).toEqual(['Then']);
  });
});

describe('isError', () => {
  const out = new RpcError<string>('OutOfStock', 'none left', { details: { left: 0 } });

  it('knows a declared error of the method', () => {
    expect(isError(Orders.methods.Place, 'OutOfStock', out)).toBe(true);
  });

  it('knows no error that the method does not declare', () => {
    expect(isError(Orders.methods.Find, 'OutOfStock' as never, out)).toBe(false);
    expect(isError(Orders.methods.Place, 'toString' as never, new RpcError<string>('toString', 'x'))).toBe(false);
    expect(isError(Orders.methods.Place, 'OutOfStock', new RpcError('not_found', 'x'))).toBe(false);
  });

  it('takes nothing but an RpcError, whatever its code says', () => {
    expect(isError(Orders.methods.Place, 'OutOfStock', Object.assign(new Error('x'), { code: 'OutOfStock' }))).toBe(false);
    expect(isError(Orders.methods.Place, 'OutOfStock', { code: 'OutOfStock' })).toBe(false);
    expect(isError(Orders.methods.Place, 'OutOfStock', undefined)).toBe(false);
  });
});
