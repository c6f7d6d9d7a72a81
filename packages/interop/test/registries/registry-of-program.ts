import type { KeyValueRegistry } from '@rpcxjs/registry-kit';
import type { ProgramSettings } from './town.ts';

/** The registry of a name, from the package that has it. */
export async function registryOf({ name, options }: ProgramSettings): Promise<KeyValueRegistry> {
  const module = (await import(`@rpcxjs/registry-${name}`)) as Record<string, (options: object) => KeyValueRegistry>; // each of them exports its factory under its name
  const factory = module[name];
  if (factory === undefined) throw new Error(`@rpcxjs/registry-${name} exports no ${name}`);
  return factory(options);
}
