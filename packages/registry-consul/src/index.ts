export { consul } from './consul.ts';
export type { ConsulOptions, ConsulTlsOptions } from './consul-options.ts';
export type { KeyValueRegistry } from '@rpcxjs/registry-kit';
