export { etcd } from './etcd.ts';
export type { EtcdOptions, EtcdTlsOptions } from './etcd-options.ts';
