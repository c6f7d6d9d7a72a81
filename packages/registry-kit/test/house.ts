import type { InstanceMetadata, Lease, Logger } from '@rpcxjs/core';
import { manualClock, type ManualClock } from '@rpcxjs/testing';
import { afterEach, expect } from 'vitest';
import { keyValueRegistry, type KeyValueRegistry } from '../src/key-value-registry.ts';
import type { RegistryOptions } from '../src/registry-options.ts';
import { MemoryBackend } from './memory-backend.ts';

export class House {
  readonly clock: ManualClock = manualClock();
  readonly backend: MemoryBackend;
  readonly said: string[] = [];
  readonly logger: Logger = { debug() {}, info: (_fields, text) => void this.said.push(text), warn: (_fields, text) => void this.said.push(text), error: (_fields, text) => void this.said.push(text), child: () => this.logger };
  readonly runtime = { clock: this.clock, logger: this.logger };
  readonly registries: KeyValueRegistry[] = [];

  constructor(expires = false) {
    this.backend = new MemoryBackend(this.clock, expires);
  }
  registry(options?: RegistryOptions): KeyValueRegistry {
    const made = keyValueRegistry({ name: 'memory', where: 'here:1', options, open: this.backend.open });
    this.registries.push(made);
    return made;
  }
  register(registry: KeyValueRegistry, metadata: InstanceMetadata = {}, rates?: () => { calls: number; connections: number }): Promise<Lease> {
    return registry.register({ service: 'Arith', instance: { address: 'tcp@a:1', metadata }, ...(rates && { rates }) }, { runtime: this.runtime });
  }
  /** What a watcher of Arith has heard. */
  watch(registry: KeyValueRegistry, service = 'Arith') {
    const heard: { lists: string[]; error?: unknown; over: boolean; stop(): void } = { lists: [], over: false, stop: () => controller.abort() };
    const controller = new AbortController();
    void (async () => {
      try {
        for await (const list of registry.watch(service, { signal: controller.signal, runtime: this.runtime })) heard.lists.push(list.map(({ address, metadata }) => [address.replace(/^tcp@(.*):1$/, '$1'), ...Object.entries(metadata).map(([key, value]) => `${key}=${String(value)}`)].join(' ')).join(', '));
      } catch (error) {
        heard.error = error;
      }
      heard.over = true;
    })();
    return heard;
  }
  value(key = '/rpcx/Arith/tcp@a:1'): string | undefined {
    return this.backend.live(key)?.value;
  }
}

const houses: House[] = [];
/** With its own backend and clock; closed behind the test. */
export function house(expires?: boolean): House {
  const made = new House(expires);
  houses.push(made);
  return made;
}
afterEach(async () => {
  for (const { registries, clock, backend } of houses.splice(0)) {
    backend.frozen = false;
    for (const registry of registries) {
      const closed = registry.close();
      await clock.advanceAsync(6000);
      await closed;
    }
    expect(clock.pending).toBe(0);
  }
});
