import { expect, it } from 'vitest';
import { redis } from './redis.ts';
import { formatNode, resolveRedisOptions, type RedisOptions } from './redis-options.ts';

it('without options it is the Redis of this machine', () => {
  expect(resolveRedisOptions({})).toEqual({ nodes: [{ host: '127.0.0.1', port: 6379 }], database: 0, username: undefined, password: undefined, tls: undefined, sentinel: undefined });
});

it('nodes are read as they are written everywhere', () => {
  const { nodes } = resolveRedisOptions({ nodes: ['redis', 'redis.internal:6380', '[::1]:7', '[fe80::1%eth0]'] });
  expect(nodes.map(formatNode)).toEqual(['redis:6379', 'redis.internal:6380', '[::1]:7', '[fe80::1%eth0]:6379']);
  expect(resolveRedisOptions({ nodes: 'a,b:1, [::1]:7' }).nodes.map(formatNode)).toEqual(['a:6379', 'b:1', '[::1]:7']);
  expect(resolveRedisOptions({ nodes: '10.0.0.1:1' }).nodes).toEqual([{ host: '10.0.0.1', port: 1 }]);
});

it.each<[unknown, RegExp]>([
  [null, /options are null/],
  [{ host: 'redis' }, /no option "host": it takes nodes, username/],
  [{ nodes: [] }, /nodes is \[\]: give host:port/],
  [{ nodes: 6379 }, /nodes is 6379/],
  [{ nodes: [6379] }, /node 6379 is no address: write host:port/],
  [{ nodes: 'redis://127.0.0.1:6379' }, /without a scheme/],
  [{ nodes: '::1:6379' }, /\[::1\]:6379/],
  [{ nodes: 'redis:0' }, /"redis:0" is no address/],
  [{ nodes: 'redis:65536' }, /"redis:65536" is no address/],
  [{ nodes: 'redis:' }, /is no address/],
  [{ database: -1 }, /database is -1/],
  [{ database: '0' }, /database is "0": give its number/],
  [{ username: 'me' }, /username is set without password/],
  [{ password: '' }, /password is empty/],
  [{ password: 1 }, /password is of type number/],
  [{ sentinel: {} }, /sentinel takes \{ name \}/],
  [{ sentinel: { name: 'm', username: 'me' } }, /sentinel.username is set without sentinel.password/],
  [{ tls: 'yes' }, /tls is yes: give true, or/],
  [{ tls: { rejectUnauthorized: false } }, /tls has no option "rejectUnauthorized": it takes ca, .*insecureSkipVerify/],
  [{ sentinel: { name: 'm', nodes: [] } }, /sentinel has no option "nodes"/],
  [{ tls: { cert: 'x' } }, /tls.cert is set without tls.key/],
  [{ tls: { ca: 'x', cert: 'x', key: 'x' } }, /cannot be used: .*give PEM text/],
  [{ ttlMs: 0 }, /redis\(\): ttlMs is 0/],
  [{ basePath: '' }, /basePath is ""/],
])('%j is refused where it is given', (options, message) => {
  expect(() => redis(options as RedisOptions)).toThrow(message);
  expect(() => redis(options as RedisOptions)).toThrow(TypeError);
});

it('a password in a URL is not shown', () => {
  expect(() => redis({ nodes: 'redis://me:secret@host:6379' })).toThrow(/^redis\(\): the node "…@host:6379" is no address/);
});
