export { consul } from './consul.ts';
export type { ConsulOptions, ConsulTlsOptions } from './consul-options.ts';
