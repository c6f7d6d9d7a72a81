export type { NacosOptions, NacosTlsOptions } from './nacos-options.ts';
export { nacos } from './nacos-registry.ts';
export type { NacosRegistry } from './nacos-registry.ts';
