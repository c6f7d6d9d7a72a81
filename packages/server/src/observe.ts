import type { ServerPlugin } from '@rpcxjs/core';
import type { ResolvedServerOptions } from './server-options.ts';

/** Tells every plugin something; those that throw are logged and forgotten. */
export function observe({ plugins, runtime }: ResolvedServerOptions, tell: (plugin: ServerPlugin) => unknown): void {
  const failed = (plugin: ServerPlugin, error: unknown) => runtime.logger.warn({ plugin: plugin.name, error }, 'a plugin threw');
  for (const plugin of plugins) {
    try {
      const told = tell(plugin);
      if (told instanceof Promise) told.catch((error: unknown) => failed(plugin, error));
    } catch (error) {
      failed(plugin, error);
    }
  }
}
