import type { InstanceMetadata, ServiceInstance } from './discovery.ts';
import { serviceInstance } from './service-instance.ts';
import { utf8Bytes } from './utf8.ts';

/** Where `cached` keeps the last list of each service. One text a service; a store need not understand it. */
export interface SnapshotStore {
  /** What was saved last, undefined when nothing was. */
  load(service: string): Promise<string | undefined>;
  /** Whole or not at all: whoever loads meanwhile gets the old text or the new one. */
  save(service: string, text: string): Promise<void>;
}

const format = 'rpcxjs-instances-1';

/** One line that says what the text is and its content's hash, one with the content. */
export function snapshotText(service: string, instances: readonly ServiceInstance[]): string {
  const content = JSON.stringify({ service, instances: instances.map(({ address, metadata }) => ({ address, metadata })) });
  return `${format} ${hash(content)}\n${content}\n`;
}

/** Throws a sentence for a text that is damaged, is something else, or is another service's. */
export function readSnapshot(service: string, text: string): readonly ServiceInstance[] {
  const end = text.indexOf('\n');
  const [name, expected] = text.slice(0, Math.max(0, Math.min(end, 100))).split(' ');
  if (name !== format) throw new Error(`it is no snapshot of this version (${format})`);
  const content = text.slice(end + 1).trimEnd();
  if (hash(content) !== expected) throw new Error('its content does not have the hash that it was saved with');
  const { service: owner, instances } = JSON.parse(content) as { readonly service: string; readonly instances: readonly ServiceInstance[] }; // its hash says that it was written here
  if (owner !== service) throw new Error(`it belongs to the service "${owner}"`);
  return instances.map(({ address, metadata }: { readonly address: string; readonly metadata: InstanceMetadata }) => serviceInstance(address, metadata));
}

/** FNV-1a of 64 bits, as two of 32 with different beginnings: against damage, not against a forger, who can write the hash as well. */
function hash(content: string): string {
  let one = 0x811c9dc5;
  let other = 0x1000193;
  for (const byte of utf8Bytes(content)) {
    one = Math.imul(one ^ byte, 0x01000193);
    other = Math.imul(other ^ byte, 0x85ebca6b);
  }
  return [one, other].map((half) => (half >>> 0).toString(16).padStart(8, '0')).join('');
}
