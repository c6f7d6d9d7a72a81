// Discoveries made of other discoveries, or of a list. An entry of its own, so that a client that needs none of it does not load it.
export { cached } from './discovery-cached.ts';
export type { CachedOptions } from './discovery-cached.ts';
export { instanceFeed } from './discovery-feed.ts';
export type { InstanceFeed } from './discovery-feed.ts';
export { instanceList } from './discovery-list.ts';
export type { InstanceList, InstanceListContent } from './discovery-list.ts';
export { merge, prefer } from './discovery-merge.ts';
export type { SnapshotStore } from './discovery-snapshot.ts';
export { stabilised } from './discovery-stabilised.ts';
export type { InstanceProbe, StabilisedOptions } from './discovery-stabilised.ts';
export { dialProbe } from './dial-probe.ts';
export { dialableAddress } from './dialable-address.ts';
export { sameInstances, serviceInstance, sortedInstances } from './service-instance.ts';
export { instanceSieve } from './discovery-sieve.ts';
export type { SieveOptions } from './discovery-sieve.ts';
export { hasUsableWeight, inGroup, instanceWeight, isActive, metadataValues } from './instance-metadata.ts';
