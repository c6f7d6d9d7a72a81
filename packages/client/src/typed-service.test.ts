import { inspect } from 'node:util';
import { bidiStream, contract, push, unary } from '@rpcxjs/core';
import { describe, expect, it } from 'vitest';
import { contractService, interfaceService, type MakeCaller } from './typed-service.ts';

function recorder(): { readonly calls: string[]; readonly make: MakeCaller } {
  const calls: string[] = [];
  return { calls, make: (method, { idempotent }) => (input) => Promise.resolve(calls.push(`${method} ${String(input)} ${String(idempotent)}`)) };
}

describe('C9: a client by interface', () => {
  it('is not called by what the language and its tools ask any object', async () => {
    const { calls, make } = recorder();
    const service = interfaceService([], make) as Record<string | symbol, unknown>;
    // oxlint-disable-next-line typescript/await-thenable -- that it is none is the point
    expect(await service).toBe(service);
    expect(JSON.stringify(service)).toBe('{}');
    inspect(service, { showProxy: true });
    inspect(service);
    expect(`${String(service)} ${Object.keys(service).length}`).toBe('[object Object] 0');
    for (const symbol of Object.getOwnPropertyNames(Symbol).map((name) => Symbol[name as 'iterator'])) if (typeof symbol === 'symbol') void service[symbol];
    for (const name of ['then', 'catch', 'finally', 'toJSON', 'constructor', 'valueOf', 'toString', 'hasOwnProperty', '__proto__', '__defineGetter__']) {
      const value = service[name];
      if (typeof value === 'function' && name !== 'constructor') (value as () => unknown).bind(service);
    }
    expect(Object.getPrototypeOf(service)).toBe(Object.prototype);
    expect(calls).toEqual([]);
  });

  it('makes one function a method, and keeps it', async () => {
    const { calls, make } = recorder();
    const service = interfaceService(['Get'], make) as Record<string, (input: unknown) => Promise<unknown>>;
    await service['Get']?.(1);
    await service['Put']?.(2);
    expect(service['Get']).toBe(service['Get']);
    expect(calls).toEqual(['Get 1 true', 'Put 2 false']);
  });
});

describe('a client by contract', () => {
  const Shop = contract('Shop', { Find: unary({ idempotent: true }), Buy: unary(), Talk: bidiStream(), Sold: push() });

  it('has its unary methods and nothing else', async () => {
    const { calls, make } = recorder();
    const service = contractService(Shop, [], make);
    expect(Object.keys(service)).toEqual(['Find', 'Buy', 'Talk']);
    await service['Find']?.(1);
    await service['Buy']?.(2);
    expect(calls).toEqual(['Find 1 true', 'Buy 2 false']);
    expect(Object.isFrozen(service)).toBe(true);
  });

  it('says that streams cannot be called, where they are read', async () => {
    const { make } = recorder();
    const stream = contractService(Shop, [], make)['Talk']?.() as unknown as AsyncIterable<unknown>;
    await expect(stream[Symbol.asyncIterator]().next()).rejects.toThrow('Shop.Talk is a bidiStream');
  });
});
