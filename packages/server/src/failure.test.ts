import { runInNewContext } from 'node:vm';
import { RpcError, type ServerCall } from '@rpcxjs/core';
import { describe, expect, it } from 'vitest';
import { errorText, failureOf, structuredError, textsOf, unwritable } from './failure.ts';
import { resolveServerOptions } from './resolved-options.ts';

const call = { service: 'S', method: 'M' } as ServerCall; // nothing else is looked at
const options = resolveServerOptions({ logger: { debug() {}, info() {}, warn() {}, error() {}, child() { return this; } } });

describe('what a caller is told', () => {
  it('is the message of an Error of another realm, as a test runner gets it from Node', () => {
    expect(failureOf(runInNewContext('new TypeError("no such file")'), call, options)).toEqual({ code: 'unknown', message: 'no such file', reason: 'HANDLER_THREW' });
  });

  it('is what an RpcError says, without stack and cause', () => {
    const error = new RpcError('aborted', 'text', { reason: 'CLOSED', details: { a: 1 }, retryAfterMs: 5, metadata: { k: 'v' }, cause: new Error('secret') });
    const failure = failureOf(error, call, options);
    expect({ ...failure, metadata: { ...failure.metadata } }).toEqual({ code: 'aborted', message: 'text', reason: 'CLOSED', details: { a: 1 }, retryAfterMs: 5, metadata: { k: 'v' } });
  });

  it('is a fixed text where mapError throws or returns what is no RpcError, which is logged', () => {
    for (const mapError of [() => { throw new Error('broken'); }, () => 'junk' as never, () => new Error('plain') as never, () => null as never]) {
      const logged: unknown[] = [];
      const failure = failureOf(new Error('secret'), call, resolveServerOptions({ mapError, logger: { debug() {}, info() {}, warn() {}, error(_, text) { logged.push(text); }, child() { return this; } } }));
      expect([failure, logged]).toEqual([{ code: 'unknown', message: 'the handler threw something that cannot be read', reason: 'HANDLER_THREW' }, ['mapError failed; its caller gets a fixed text']]);
    }
  });

  it('C6: is never the source of what was thrown', () => {
    class Forgotten extends Error {
      static readonly secret = 'secret';
    }
    for (const thrown of [Forgotten, () => 'secret']) {
      expect(failureOf(thrown, call, options)).toEqual({ code: 'unknown', message: 'the handler threw a function: was the new of an Error forgotten?', reason: 'HANDLER_THREW' });
      expect(unwritable(thrown, call).message).not.toContain('secret');
    }
  });

  it.each(['', 5, undefined, null])('has the code unknown for an RpcError whose code is %j', (code) => {
    expect(failureOf(new RpcError(code as never, 'text'), call, options)).toMatchObject({ code: 'unknown', message: 'text' });
  });

  it('is never empty, because Go takes an error without text for a success', () => {
    expect(errorText({ code: 'aborted', message: '' })).toBe('aborted');
    expect(errorText({ code: '', message: '' })).toBe('unspecified error');
  });

  it.each([8191, 8192, 8193])('is cut to 8192 bytes exactly: %d', (bytes) => {
    const text = errorText({ code: 'unknown', message: 'x'.repeat(bytes) });
    expect(Buffer.byteLength(text)).toBe(Math.min(bytes, 8192));
    expect(text.endsWith('…')).toBe(bytes > 8192);
  });

  it('of details that JSON cannot hold is the rest', () => {
    const cycle: unknown[] = [];
    cycle.push(cycle);
    expect(JSON.parse(structuredError({ code: 'aborted', message: 'm', details: cycle, retryAfterMs: 3 }))).toEqual({ code: 'aborted', retryAfterMs: 3 });
    expect(JSON.parse(structuredError({ code: 'aborted', message: 'm', reason: 'CLOSED', details: [1] }))).toEqual({ code: 'aborted', reason: 'CLOSED', details: [1] });
  });

  it('of a bigint in details is a number while that is exact, else text', () => {
    const details = { left: 5n, least: -(2n ** 53n) + 1n, most: 2n ** 60n };
    expect(JSON.parse(structuredError({ code: 'OutOfStock', message: 'm', details }))).toEqual({ code: 'OutOfStock', details: { left: 5, least: -9007199254740991, most: '1152921504606846976' } });
  });

  it('of metadata is what is text or can become it', () => {
    expect({ ...textsOf({ a: 'x', b: 5 as never, c: Object.create(null) as string, ['__proto__']: 'own' }) }).toEqual({ a: 'x', b: '5', ['__proto__']: 'own' });
    expect(textsOf(undefined)).toBeUndefined();
  });

  it('of a result that could not be written is why, whatever the codec threw', () => {
    expect(unwritable(new RpcError('resource_exhausted', 'too much', { reason: 'TOO_LARGE' }), call)).toEqual({ code: 'resource_exhausted', reason: 'TOO_LARGE', message: 'the reply of S.M cannot be sent: too much' });
    expect(unwritable(new RpcError('invalid_argument', 'a bigint'), call)).toMatchObject({ code: 'internal', reason: 'BAD_PAYLOAD' });
    for (const thrown of [undefined, null, 'text', new Proxy({}, { get: () => { throw new Error('x'); }, getPrototypeOf: () => { throw new Error('y'); } })]) {
      expect(unwritable(thrown, call)).toMatchObject({ code: 'internal', reason: 'BAD_PAYLOAD', message: expect.stringContaining('cannot be sent: ') as string });
    }
  });
});
