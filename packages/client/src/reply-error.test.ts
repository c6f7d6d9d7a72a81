import { FrameParser, defaultFrameLimits, flag } from '@rpcxjs/protocol';
import { describe, expect, it } from 'vitest';
import { frame } from '../test/frame.ts';
import { meaningOfText, replyError, type ReplyError } from './reply-error.ts';

function read(metadata: Readonly<Record<string, string>>, structured: boolean = true): ReplyError {
  const found: ReplyError[] = [];
  new FrameParser(defaultFrameLimits, (view) => void found.push(replyError(view, structured, 'memory@fake'))).push(frame({ flags: flag.response | flag.error, metadata }));
  return found[0] as ReplyError; // one frame, one reply
}
const detailed = (json: string, structured: boolean = true): ReplyError => read({ __rpcx_error__: 'the text', '_rpcxjs-error': json }, structured);

describe('the text of a Go server', () => {
  it.each([
    ["rpcx: can't find service Arith", 'unimplemented', 'UNKNOWN_SERVICE'],
    ["rpcx: can't find service  for func raw function", 'unimplemented', 'UNKNOWN_SERVICE'],
    ["rpcx: can't find method Mul", 'unimplemented', 'UNKNOWN_METHOD'],
    ['can not find codec for 9', 'unimplemented', 'UNKNOWN_CODEC'],
    ['request reached rate limit', 'resource_exhausted', 'OVERLOADED'],
    ['context deadline exceeded', 'deadline_exceeded', 'TIMEOUT'],
    ['server refused the connection', 'permission_denied', undefined],
    ['[service internal error]: oops, method: Mul, argv: {1 2}, stack: goroutine 1', 'internal', 'HANDLER_THREW'],
    ['msgpack: invalid code=c1 decoding map length', 'unknown', undefined],
    ['invalid token', 'unknown', undefined],
    ['request reached rate limit, almost', 'unknown', undefined],
    ['query: context deadline exceeded', 'unknown', undefined],
    ["the service said: rpcx: can't find service X", 'unknown', undefined],
    ['RPCX: CAN\'T FIND SERVICE X', 'unknown', undefined],
    ['', 'unknown', undefined],
  ])('%j means %s', (text, code, reason) => {
    expect(meaningOfText(text)).toEqual({ code, reason });
    const { error, refused } = read({ __rpcx_error__: text, other: 'kept' });
    expect(error).toMatchObject({ code, reason, remote: true, address: 'memory@fake', metadata: { other: 'kept' } });
    expect(error.message).toBe(text === '' ? 'the server replied with an error and did not say which' : text);
    expect(Object.keys(error.metadata ?? {})).toEqual(['other']);
    expect(refused).toBe(false);
  });

  it('that is missing altogether is an error all the same: Go takes it for a success', () => {
    expect(read({}).error).toMatchObject({ code: 'unknown', message: 'the server replied with an error and did not say which', remote: true });
  });

  it('is kept to 8 KiB, however much of its arguments and stack a panic tells', () => {
    const argv = 'x'.repeat(9_000_000);
    const { error } = read({ __rpcx_error__: `[service internal error]: oops, method: Mul, argv: ${argv}` });
    expect(error).toMatchObject({ code: 'internal', reason: 'HANDLER_THREW' });
    expect(error.message).toMatch(/^\[service internal error\]: oops, method: Mul, argv: x+$/);
    expect(error.message).toHaveLength(8192);
    expect(read({ __rpcx_error__: 'y'.repeat(8192) }).error.message).toBe('y'.repeat(8192));
  });
});

describe('an error with a code', () => {
  it('is read between peers that agreed, and only between them', () => {
    const json = '{"code":"not_found","reason":"NO_INSTANCE","details":{"a":[1,null]},"retryAfterMs":250,"unrun":true}';
    const agreed = detailed(json);
    expect(agreed.error).toMatchObject({ code: 'not_found', reason: 'NO_INSTANCE', details: { a: [1, null] }, retryAfterMs: 250, message: 'the text' });
    expect([agreed.refused, Object.keys(agreed.error.metadata ?? {})]).toEqual([true, []]);
    const stranger = detailed(json, false);
    expect(stranger.error).toMatchObject({ code: 'unknown', reason: undefined, details: undefined, retryAfterMs: undefined });
    expect([stranger.refused, Object.keys(stranger.error.metadata ?? {})]).toEqual([false, []]);
  });

  it.each(['', '{', 'null', 'true', '7', '"not_found"', '[]', '["not_found"]', '{}', '{"code":7}', '{"code":null}', '{"code":["a"]}', '{"Code":"a"}', '\u0000', '{"code":"a"}}', '{"code":"a"', '[[[[[[[['])('of %j falls back to the text', (json) => {
    expect(detailed(json).error).toMatchObject({ code: 'unknown', message: 'the text' });
    expect(detailed(json).refused).toBe(false);
  });

  it('of json as deep as a frame of metadata allows is no stack overflow', () => {
    expect(detailed('['.repeat(8000)).error.code).toBe('unknown');
    expect(detailed(`{"code":"a","details":${'['.repeat(7000)}${']'.repeat(7000)}}`).error.code).toBe('a');
  });

  it.each([
    ['{"code":"a","reason":7,"retryAfterMs":"5","unrun":1}', {}],
    ['{"code":"a","retryAfterMs":-1}', {}],
    ['{"code":"a","retryAfterMs":1e999}', {}],
    ['{"code":"a","retryAfterMs":null,"reason":{}}', {}],
    ['{"code":"a","retryAfterMs":0}', { retryAfterMs: 0 }],
    ['{"code":"a","reason":"NEWER","more":true}', { reason: 'NEWER' }],
    ['{"code":"a","message":"another","remote":false,"sent":false,"address":"elsewhere","metadata":{"x":"y"},"cause":1}', {}],
    ['{"code":"a","__proto__":{"unrun":true,"reason":"X"}}', {}],
  ])('of %s takes each field only if it is what it should be', (json, expected) => {
    const { error, refused } = detailed(json);
    const { code, reason, details, retryAfterMs, message, remote, sent, address, metadata, cause } = error;
    expect({ code, reason, details, retryAfterMs, message, remote, sent, address, metadata: { ...metadata }, cause }).toEqual({
      code: 'a', reason: undefined, details: undefined, retryAfterMs: undefined, message: 'the text', remote: true, sent: true, address: 'memory@fake', metadata: {}, cause: undefined, ...expected,
    });
    expect(refused).toBe(false);
  });
});
