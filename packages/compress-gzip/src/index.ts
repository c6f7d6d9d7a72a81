export { deflateStream } from './deflate-stream.ts';
export type { DeflateStream, DeflateStreamOptions } from './deflate-stream.ts';
export { gzip, gzipDefaults } from './gzip.ts';
export type { Gzip, GzipOptions } from './gzip.ts';
