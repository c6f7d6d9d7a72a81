export { zookeeper } from './zookeeper.ts';
export type { ZooKeeperAcl, ZooKeeperAuthOptions, ZooKeeperOptions } from './zookeeper-options.ts';
export type { KeyValueRegistry } from '@rpcxjs/registry-kit';
