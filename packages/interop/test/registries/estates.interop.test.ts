import { consul } from '@rpcxjs/registry-consul';
import { etcd } from '@rpcxjs/registry-etcd';
import { redis } from '@rpcxjs/registry-redis';
import { startConsul, startEtcd, startRedis, startZooKeeper } from '@rpcxjs/registry-servers';
import { describeWithConsul, describeWithEtcd, describeWithRedis, describeWithZooKeeper } from '@rpcxjs/registry-servers/vitest';
import { zookeeper } from '@rpcxjs/registry-zookeeper';
import { describeWithGo } from '../with-go.ts';
import { estateTests } from './estate.ts';

describeWithGo('an estate of Go and TypeScript', () => {
  describeWithRedis('in Redis', () => estateTests({ kind: 'redis', start: startRedis, open: (address, basePath) => redis({ nodes: address, basePath }), everyMs: 1000, goTtlMs: 6000 }));
  // Go's lease is 30 s, whatever its interval.
  describeWithEtcd('in etcd', () => estateTests({ kind: 'etcd', start: startEtcd, open: (endpoints, basePath) => etcd({ endpoints, basePath }), everyMs: 1000, goTtlMs: 36_000 }));
  describeWithEtcd('in etcd, in the single layout', () => estateTests({ kind: 'etcd-single', start: startEtcd, open: (endpoints, basePath) => etcd({ endpoints, basePath }), everyMs: 1000, goTtlMs: 10_000, brief: true }));
  describeWithZooKeeper('in ZooKeeper', () => estateTests({ kind: 'zookeeper', start: startZooKeeper, open: (servers, basePath) => zookeeper({ servers, basePath }), everyMs: 1000, goTtlMs: 15_000, goHearsMetadata: false }));
  // A session of Consul lives 10 s at least, and may be ended when it is twice as old.
  describeWithConsul('in Consul', () => estateTests({ kind: 'consul', start: startConsul, open: (address, basePath) => consul({ address, basePath }), everyMs: 10_000, goTtlMs: 30_000 }));
});
