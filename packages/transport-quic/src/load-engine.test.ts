import { RpcError } from '@rpcxjs/core';
import { describe, expect, it } from 'vitest';
import { engineMissing } from './load-engine.ts';

describe('without an engine', () => {
  it('the error says what to install', () => {
    const error = engineMissing(Object.assign(new Error("Cannot find package '@matrixai/quic' imported from /app/quic.js"), { code: 'ERR_MODULE_NOT_FOUND' }));
    expect(RpcError.is(error)).toBe(true);
    expect(error).toMatchObject({ code: 'unimplemented', reason: 'UNSUPPORTED', sent: false });
    expect(error.message).toBe('QUIC needs an engine, and the package @matrixai/quic is not installed; run `npm install @matrixai/quic`. Or pass another one: quic({ engine }). Every network but quic works without.');
  });

  it('on a platform without a binary it names the platform and those that have one', () => {
    const error = engineMissing(new Error('Failed requiring possible native bindings: a,b'));
    expect(error.message).toContain(`does not load on ${process.platform}-${process.arch}: Failed requiring possible native bindings`);
    expect(error.message).toContain('linux-x64 (glibc 2.34 or later), darwin-x64, darwin-arm64 and win32-x64');
  });
});
