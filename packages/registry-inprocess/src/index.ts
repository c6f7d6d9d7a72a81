export { inprocess } from './registry.ts';
export type { InProcessRegistry } from './registry.ts';
