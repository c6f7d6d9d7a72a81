import { expect, it } from 'vitest';
import { globOf, ownerKey, plainKey, redisKey } from './redis-key.ts';

it('a key gets a slash before it and is not cleaned', () => {
  expect(redisKey('/rpcx_test/Arith')).toBe('//rpcx_test/Arith');
  expect(redisKey('rpcx_test//Arith/')).toBe('/rpcx_test//Arith/');
  expect(plainKey(redisKey('/rpcx_test/Arith'))).toBe('/rpcx_test/Arith');
});

it('what is special in a glob is taken as it stands', () => {
  expect(globOf(String.raw`/a*b?c[d]e\f/`)).toBe(String.raw`/a\*b\?c\[d\]e\\f/*`);
});

it('neither a list nor an event of Go sees an owner record', () => {
  // As Go makes them: "<key>*" and "__keyspace*:<key>*".
  for (const key of ['//rpcx_test/Arith', '/rpcx_test/Arith', '/rpcx_test']) {
    const owner = ownerKey(`${key}/tcp@127.0.0.1:8972`);
    expect(owner.startsWith(key)).toBe(false);
    expect(`__keyspace@0__:${owner}`.slice('__keyspace'.length)).not.toContain(`:${key}`);
  }
});
