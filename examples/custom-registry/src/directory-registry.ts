import { mkdir } from 'node:fs/promises';
import { keyValueRegistry, type KeyValueRegistry, type RegistryOptions } from '@rpcxjs/registry-kit';
import { directoryStore } from './directory-store.ts';

export interface DirectoryRegistryOptions extends RegistryOptions {
  /** Shared by all processes that are to find each other; made when it is missing. */
  readonly directory: string;
}

/** Instances in a directory, in rpcx's layout of keys, for the processes of one machine. */
export function directoryRegistry({ directory, ...options }: DirectoryRegistryOptions): KeyValueRegistry {
  if (typeof directory !== 'string' || directory === '') throw new TypeError(`directoryRegistry(): directory is ${JSON.stringify(directory)}: write a path, for example '/var/run/shop'`);
  return keyValueRegistry({
    name: 'directory',
    where: directory,
    options,
    open: async (context) => {
      await mkdir(directory, { recursive: true });
      return directoryStore(directory, context);
    },
  });
}
