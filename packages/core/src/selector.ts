import type { Metadata } from './context.ts';
import type { ServiceInstance } from './discovery.ts';

export interface PickInfo {
  readonly service: string;
  readonly method: string;
  readonly input: unknown;
  readonly metadata: Metadata;
  readonly hashKey: string | undefined;
  /** Addresses that an earlier attempt of this call has used up; undefined on the first. */
  readonly avoid: ReadonlySet<string> | undefined;
}
export interface Outcome {
  readonly error: unknown;
  readonly durationMs: number;
}
export interface Pick {
  readonly instance: ServiceInstance;
  /** Told exactly once how the attempt went; least-loaded, latency and breakers feed on it. */
  done?(outcome: Outcome): void;
}
/** A frozen view of one instance list. Synchronous and cheap. */
export interface Picker {
  pick(info: PickInfo): Pick | undefined;
}
/** `previous` lets round robin keep its place and breakers their memory. */
export interface Selector {
  readonly name: string;
  build(instances: readonly ServiceInstance[], previous: Picker | undefined): Picker;
}
