export { findConsul, startConsul } from './consul.ts';
export type { ConsulSettings } from './consul.ts';
export { findEtcd, startEtcd } from './etcd.ts';
export type { EtcdServer, EtcdSettings } from './etcd.ts';
export { findRedis, startRedis } from './redis.ts';
export type { RedisSettings } from './redis.ts';
export { findZooKeeper, startZooKeeper } from './zookeeper.ts';
export type { ZooKeeperSettings } from './zookeeper.ts';
export type { RegistryServer } from './server-process.ts';
