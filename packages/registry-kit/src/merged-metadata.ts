import { metadataValues } from '@rpcxjs/core/discoveries';
import type { InstanceMetadata } from '@rpcxjs/core';

/**
 * The metadata of an entry that both its server and others may change: `theirs` is what stands in the registry, where others may have edited it, `ours` what the server wants, and `before` what it
 * wanted when it wrote last. What the server has changed since then counts, all else stays as it stands (rpcx keeps edits too: rpcx-etcd serverplugin/etcdv3.go, Start).
 */
export function mergedMetadata(before: InstanceMetadata, ours: InstanceMetadata, theirs: InstanceMetadata): InstanceMetadata {
  const merged = new Map(Object.entries(theirs));
  for (const key of new Set([...Object.keys(before), ...Object.keys(ours)])) {
    if (sameValues(before, ours, key)) continue;
    const value = Object.hasOwn(ours, key) ? ours[key] : undefined;
    if (value === undefined) merged.delete(key);
    else merged.set(key, value);
  }
  return Object.fromEntries(merged);
}

function sameValues(one: InstanceMetadata, other: InstanceMetadata, key: string): boolean {
  if (Object.hasOwn(one, key) !== Object.hasOwn(other, key)) return false;
  const [values, others] = [metadataValues(one, key), metadataValues(other, key)];
  return values.length === others.length && values.every((value, index) => value === others[index]);
}
