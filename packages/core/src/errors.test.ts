import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import { RpcError } from './errors.ts';

describe('RpcError', () => {
  it('is an Error with a code and everything that was given', () => {
    const cause = new Error('below');
    const error = new RpcError('unavailable', 'no instance', {
      reason: 'NO_INSTANCE', details: { left: 1 }, cause, metadata: { a: 'b' }, remote: true, sent: false, address: 'tcp@a:1', retryAfterMs: 5,
      attempts: [{ address: undefined, error: cause, durationMs: 1 }],
    });
    expect(error).toBeInstanceOf(Error);
    expect(error).toMatchObject({
      name: 'RpcError', message: 'no instance', code: 'unavailable', reason: 'NO_INSTANCE', details: { left: 1 }, cause, metadata: { a: 'b' },
      remote: true, sent: false, address: 'tcp@a:1', retryAfterMs: 5, attempts: [{ durationMs: 1 }],
    });
    expect(String(error)).toBe('RpcError: no instance');
    expect(error.stack).toContain('errors.test.ts');
  });

  it('assumes the unsafe: that the call was sent', () => {
    const error = new RpcError('internal', 'x');
    expect(error.sent).toBe(true);
    expect(error.remote).toBe(false);
    expect('cause' in error).toBe(false);
  });

  it('knows its own kind, also from another copy of the package', () => {
    expect(RpcError.is(new RpcError('internal', 'x'))).toBe(true);
    const foreign = Object.defineProperty(new Error('x'), Symbol.for('@rpcxjs/core/RpcError'), { value: true });
    expect(RpcError.is(foreign)).toBe(true);
  });

  const revoked = (): unknown => {
    const { proxy, revoke } = Proxy.revocable({}, {});
    revoke();
    return proxy;
  };
  it.each([() => undefined, () => null, () => 'text', () => 7, () => new Error('x'), () => ({ code: 'internal' }), revoked, () => new Proxy({}, { has: () => { throw new Error('trap'); } })])(
    'C6: says no to anything else without throwing (%#)',
    (make) => {
      expect(RpcError.is(make())).toBe(false);
    },
  );

  it('keeps its message as JSON, which is how loggers write it', () => {
    expect(JSON.parse(JSON.stringify(new RpcError('not_found', 'no row 7', { reason: 'CLOSED' })))).toEqual({ name: 'RpcError', code: 'not_found', reason: 'CLOSED', message: 'no row 7', remote: false, sent: true });
    expect(inspect(new RpcError('not_found', 'no row 7')).split('no row 7')).toHaveLength(2);
  });

  it('does not show its brand', () => {
    const error = new RpcError('internal', 'x');
    expect(Object.getOwnPropertySymbols(error).filter((key) => Object.prototype.propertyIsEnumerable.call(error, key))).toEqual([]);
  });
});
