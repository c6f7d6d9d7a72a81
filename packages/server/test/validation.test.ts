import { type } from 'arktype';
import { contract, unary, type StandardSchema } from '@rpcxjs/core';
import * as v from 'valibot';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { openServer } from './open-server.ts';

interface Order {
  readonly id: string;
  readonly amount: number;
}

const good: Order = { id: 'a', amount: 3 };
const libraries: Readonly<Record<string, { readonly input: StandardSchema<Order>; readonly output: StandardSchema<number> }>> = {
  zod: { input: z.object({ id: z.string(), amount: z.number().positive() }), output: z.number().max(100) },
  'zod, asynchronous': { input: z.object({ id: z.string(), amount: z.number().refine(async (amount) => amount > 0, 'too small') }), output: z.number().refine(async (total) => total <= 100, 'too large') },
  valibot: { input: v.object({ id: v.string(), amount: v.pipe(v.number(), v.minValue(1)) }), output: v.pipe(v.number(), v.maxValue(100)) },
  'valibot, asynchronous': { input: v.objectAsync({ id: v.string(), amount: v.pipeAsync(v.number(), v.checkAsync(async (amount) => amount > 0, 'too small')) }), output: v.pipeAsync(v.number(), v.checkAsync(async (total) => total <= 100, 'too large')) },
  arktype: { input: type({ id: 'string', amount: 'number > 0' }), output: type('number <= 100') },
};

describe.each(Object.entries(libraries))('a schema of %s', (_name, { input, output }) => {
  const orders = contract('Orders', { Total: unary({ input, output }) });

  it('lets what is valid pass, in and out', async () => {
    await using open = await openServer({}, (server) => server.register(orders, { Total: ({ amount }) => amount * 2 }));
    expect(await open.client().service(orders).Total(good)).toBe(6);
  });

  it('refuses an invalid input before the handler, and says where', async () => {
    let ran = 0;
    await using open = await openServer({}, (server) => server.register(orders, { Total: () => (ran += 1) }));
    const client = open.client();
    for (const bad of [{ id: 'a', amount: -1 }, { id: 'a', amount: '3' }, {}, null, 'text', []]) {
      await expect(client.call('Orders', 'Total', bad)).rejects.toMatchObject({ code: 'invalid_argument', reason: 'INVALID_INPUT', message: expect.stringContaining('the input of Orders.Total is not valid: ') as string, remote: true });
    }
    await expect(client.call('Orders', 'Total', { id: 'a', amount: -1 })).rejects.toThrow(/amount/);
    expect(ran).toBe(0);
  });

  it('does not let an invalid output out, of handlers that answer at once, later, or with something that has a then', async () => {
    const results = [() => 1000, async () => 1000, () => 'text' as never, () => ({ then: (done: (value: number) => void) => done(1000) }) as never];
    for (const Total of results) {
      await using open = await openServer({}, (server) => server.register(orders, { Total }));
      await expect(open.client().call('Orders', 'Total', good)).rejects.toMatchObject({ code: 'internal', reason: 'INVALID_OUTPUT' });
    }
    await using open = await openServer({}, (server) => server.register(orders, { Total: () => ({ then: (done: (value: number) => void) => done(7) }) as never }));
    expect(await open.client().call('Orders', 'Total', good)).toBe(7);
  });
});

describe('schemas that change values', () => {
  it('give the handler what they make of the input, and the caller what they make of the output', async () => {
    const dates = contract('Dates', { Year: unary({ input: z.string().transform((text) => new Date(text)), output: z.date().transform((date) => date.getUTCFullYear()) }) });
    await using open = await openServer({}, (server) => server.register(dates, { Year: (date) => date }));
    expect(await open.client().call('Dates', 'Year', '2026-01-02')).toBe(2026);
  });

  it('take an input that was left out, which arrives as null, for undefined where they refuse null', async () => {
    const text = z.string().optional();
    const late = z.string().optional().refine(async (value) => value === undefined, 'not now');
    const given = contract('Given', {
      Void: unary({ input: z.void(), output: z.string() }),
      Optional: unary({ input: text, output: z.string() }),
      Late: unary({ input: late, output: z.string() }),
      Default: unary({ input: v.optional(v.number(), 7), output: z.string() }),
      Null: unary({ input: z.null(), output: z.string() }),
      Nullish: unary({ input: z.string().nullish(), output: z.string() }),
      Needed: unary({ input: z.string(), output: z.string() }),
    });
    await using open = await openServer({}, (server) => server.register(given, { Void: String, Optional: String, Late: String, Default: String, Null: String, Nullish: String, Needed: String }));
    const client = open.client();
    const service = client.service(given);
    expect(await Promise.all([service.Void(), service.Optional(), service.Late(), service.Default(), service.Null(null), service.Nullish()])).toEqual(['undefined', 'undefined', 'undefined', '7', 'null', 'null']);
    expect(await service.Optional('x')).toBe('x');
    for (const [method, input] of [['Needed', null], ['Void', 0], ['Late', 'x']] as const) await expect(client.call('Given', method, input)).rejects.toMatchObject({ reason: 'INVALID_INPUT' });
    await expect(client.call('Given', 'Needed', undefined)).rejects.toThrow(/null/);
  });

  it('apply to one direction alone', async () => {
    const any: StandardSchema = { '~standard': { version: 1, vendor: 'test', validate: (value) => ({ value }) } };
    const half = contract('Half', { In: unary({ input: z.number(), output: any }), Out: unary({ input: any, output: z.number() }) });
    await using open = await openServer({}, (server) => server.register(half, { In: (n) => n, Out: (n) => n as number }));
    const client = open.client();
    await expect(client.call('Half', 'In', 'x')).rejects.toMatchObject({ reason: 'INVALID_INPUT' });
    await expect(client.call('Half', 'Out', 'x')).rejects.toMatchObject({ reason: 'INVALID_OUTPUT' });
    expect(await client.call('Half', 'Out', 1)).toBe(1);
  });

  it('that throw or list thousands of issues are one error of a sane size', async () => {
    const schema = (validate: StandardSchema['~standard']['validate']): StandardSchema => ({ '~standard': { version: 1, vendor: 'test', validate } });
    const odd = contract('Odd', {
      Throws: unary({ input: schema(() => { throw new Error('broken validator'); }), output: z.unknown() }),
      Many: unary({ input: schema(() => ({ issues: Array.from({ length: 5000 }, (_, index) => ({ message: `issue ${index}`, path: ['a', { key: index }] })) })), output: z.unknown() }),
    });
    await using open = await openServer({}, (server) => server.register(odd, { Throws: () => 1, Many: () => 1 }));
    const client = open.client();
    await expect(client.call('Odd', 'Throws', 1)).rejects.toMatchObject({ message: 'broken validator' });
    const error = await client.call('Odd', 'Many', 1).catch((caught: unknown) => caught as Error);
    expect((error as Error).message).toContain('a.0: issue 0; a.1: issue 1');
    expect((error as Error).message.length).toBeLessThan(500);
  });
});
