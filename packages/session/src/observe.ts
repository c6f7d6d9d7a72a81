import type { Runtime } from '@rpcxjs/core';

/** Tells every plugin something; what one of them throws is logged and forgotten. */
export function observe<T extends { readonly name: string }>(plugins: readonly T[], runtime: Runtime, tell: (plugin: T) => unknown): void {
  for (const plugin of plugins) {
    const failed = (error: unknown): void => runtime.logger.warn({ plugin: plugin.name, err: error }, 'a plugin threw');
    try {
      const told = tell(plugin);
      if (told instanceof Promise) told.catch(failed);
    } catch (error) {
      failed(error);
    }
  }
}
