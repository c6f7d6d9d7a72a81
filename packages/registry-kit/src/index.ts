export { fileStore } from './file-store.ts';
export type { FileStoreOptions } from './file-store.ts';
export { formatMetadata, parseMetadata } from './instance-metadata.ts';
