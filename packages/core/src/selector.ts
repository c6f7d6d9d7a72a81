import type { Metadata } from './context.ts';
import type { ServiceInstance } from './discovery.ts';

export interface PickInfo {
  readonly service: string;
  readonly method: string;
  readonly input: unknown;
  readonly metadata: Metadata;
  readonly hashKey: string | undefined;
  /** Addresses that earlier attempts of this call have tried; undefined on the first attempt. */
  readonly avoid: ReadonlySet<string> | undefined;
}
export interface Outcome {
  readonly error: unknown;
  readonly durationMs: number;
}
export interface Pick {
  readonly instance: ServiceInstance;
  /** Called exactly once with the outcome of the attempt, for selectors that go by load or latency. */
  done?(outcome: Outcome): void;
}
/** Chooses from one list of instances. Synchronous and cheap. */
export interface Picker {
  pick(info: PickInfo): Pick | undefined;
}
/** `previous` is the picker that was built before, so that round robin keeps its place and others what they have learned. */
export interface Selector {
  readonly name: string;
  build(instances: readonly ServiceInstance[], previous: Picker | undefined): Picker;
}
