import type { InstanceMetadata, Lease, Registration, Registry } from '@rpcxjs/core';

export interface FakeRegistry extends Registry {
  /** What it holds, as `service address` to metadata. */
  readonly held: ReadonlyMap<string, InstanceMetadata>;
  readonly registrations: readonly Registration[];
  /** Each thing that was asked of it. */
  readonly asked: readonly string[];
  down: boolean;
  /** Answers nothing while set. */
  silent: boolean;
}

/** A registry that can be down or silent. */
export function fakeRegistry(heard: (what: string) => void = () => {}): FakeRegistry {
  const held = new Map<string, InstanceMetadata>();
  const registrations: Registration[] = [];
  const asked: string[] = [];
  const answer = async (what: string): Promise<void> => {
    asked.push(what);
    heard(what);
    if (registry.silent) await new Promise(() => {});
    await Promise.resolve();
    if (registry.down) throw new Error('the registry is down');
  };
  const registry: FakeRegistry = {
    held, registrations, asked, down: false, silent: false,
    async register(registration): Promise<Lease> {
      const key = `${registration.service} ${registration.instance.address}`;
      await answer(`register ${key}`);
      registrations.push(registration);
      held.set(key, registration.instance.metadata);
      const release = async (): Promise<void> => {
        await answer(`release ${key}`);
        held.delete(key);
      };
      return {
        async update(metadata) {
          await answer(`update ${key}`);
          held.set(key, metadata);
        },
        release,
        [Symbol.asyncDispose]: release,
      };
    },
    close: async () => {},
    [Symbol.asyncDispose]: async () => {},
  };
  return registry;
}
