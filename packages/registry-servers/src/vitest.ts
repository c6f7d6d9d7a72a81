import { describe } from 'vitest';
import { findConsul } from './consul.ts';
import { findEtcd } from './etcd.ts';
import { findRedis } from './redis.ts';
import { findZooKeeper } from './zookeeper.ts';

function describeWith(name: string, found: string | undefined, hint: string): (title: string, tests: () => void) => void {
  return (title, tests) => {
    if (found !== undefined) {
      describe(title, tests);
      return;
    }
    if (process.env['CI'] !== undefined) throw new Error(`${name} must be there when CI is set: ${hint}`);
    describe.skip(`${title} (skipped: ${name} is not installed: ${hint})`, tests);
  };
}

/** A group of tests that needs the server: skipped, with the reason in its name, on a machine without it. */
export const describeWithEtcd: ReturnType<typeof describeWith> = describeWith('etcd', findEtcd(), 'the Debian package etcd-server');
export const describeWithZooKeeper: ReturnType<typeof describeWith> = describeWith('ZooKeeper', findZooKeeper(), 'the Debian packages zookeeper and default-jre-headless');
export const describeWithConsul: ReturnType<typeof describeWith> = describeWith('Consul', findConsul(), 'run packages/registry-servers/get-consul.sh, or name it in CONSUL');
export const describeWithRedis: ReturnType<typeof describeWith> = describeWith('Redis', findRedis(), 'the Debian package redis-server');
