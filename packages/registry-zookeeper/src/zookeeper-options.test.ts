import { expect, it } from 'vitest';
import { resolveZooKeeperOptions, type ZooKeeperOptions } from './zookeeper-options.ts';
import { zookeeper } from './zookeeper.ts';

it('without options it is the ZooKeeper of this machine, with the session and the rights that Go takes', () => {
  expect(resolveZooKeeperOptions()).toEqual({ servers: ['127.0.0.1:2181'], sessionTimeoutMs: 10_000, auth: undefined, acl: [{ scheme: 'world', id: 'anyone', permissions: 'rwcda' }] });
});

it('a session is not longer than ttlMs, unless it is said', () => {
  expect(resolveZooKeeperOptions({ ttlMs: 4000 }).sessionTimeoutMs).toBe(4000);
  expect(resolveZooKeeperOptions({ ttlMs: 60_000 }).sessionTimeoutMs).toBe(10_000);
  expect(resolveZooKeeperOptions({ ttlMs: 4000, sessionTimeoutMs: 6000 }).sessionTimeoutMs).toBe(6000);
});

it('servers are a list, or one text as Go writes them', () => {
  expect(resolveZooKeeperOptions({ servers: ['zk1:2181', '[::1]:2182'] }).servers).toEqual(['zk1:2181', '[::1]:2182']);
  expect(resolveZooKeeperOptions({ servers: 'zk1:2181, zk2:2181' }).servers).toEqual(['zk1:2181', 'zk2:2181']);
});

it.each<[unknown, RegExp]>([
  [null, /options are null: give an object/],
  [{ hosts: 'zk:2181' }, /no option "hosts": it takes servers, sessionTimeoutMs/],
  [{ servers: [] }, /servers is \[\]: give a list/],
  [{ servers: 2181 }, /servers is 2181: give a list/],
  [{ servers: [2181] }, /server 2181 has no host and port/],
  [{ servers: 'zk' }, /server "zk" has no host and port: write host:port/],
  [{ servers: 'zk:0' }, /"zk:0" has no host and port/],
  [{ servers: 'zk:65536' }, /"zk:65536" has no host and port/],
  [{ servers: '::1:2181' }, /has no host and port/],
  [{ servers: 'zk:2181/rpcx' }, /a path goes into basePath/],
  [{ sessionTimeoutMs: 0 }, /sessionTimeoutMs is 0: it takes milliseconds/],
  [{ sessionTimeoutMs: NaN }, /sessionTimeoutMs is NaN/],
  [{ sessionTimeoutMs: '4000' }, /sessionTimeoutMs is "4000"/],
  [{ auth: 'ada:secret' }, /auth takes a scheme and credentials/],
  [{ auth: { scheme: 'digest' } }, /auth takes a scheme and credentials/],
  [{ acl: [] }, /acl takes a list/],
  [{ acl: [{ scheme: 'world', id: 'anyone', permissions: 'rx' }] }, /acl takes a list/],
  [{ ttlMs: 0 }, /zookeeper\(\): ttlMs is 0/],
  [{ basePath: '' }, /basePath is ""/],
])('%j is refused where it is given', (options, message) => {
  expect(() => zookeeper(options as ZooKeeperOptions)).toThrow(message);
  expect(() => zookeeper(options as ZooKeeperOptions)).toThrow(TypeError);
});
