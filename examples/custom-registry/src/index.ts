export { directoryRegistry } from './directory-registry.ts';
export type { DirectoryRegistryOptions } from './directory-registry.ts';
export { directoryStore } from './directory-store.ts';
