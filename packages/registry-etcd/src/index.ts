export { etcd } from './etcd.ts';
export type { EtcdOptions, EtcdTlsOptions } from './etcd-options.ts';
export type { KeyValueRegistry } from '@rpcxjs/registry-kit';
