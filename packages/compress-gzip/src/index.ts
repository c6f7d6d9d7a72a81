export { gzip, gzipDefaults } from './gzip.ts';
export type { Gzip, GzipOptions } from './gzip.ts';
