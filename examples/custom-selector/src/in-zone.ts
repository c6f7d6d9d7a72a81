import type { Pick, Picker, PickInfo, Selector, ServiceInstance } from '@rpcxjs/core';

/**
 * A selector that keeps calls in one zone, by metadata `zone` of the servers, and leaves the choice within it to another selector; calls go to other zones
 * while there is no server in this one, or when they have used up all of them. Throws TypeError without a zone.
 */
export function inZone(zone: string, inner: Selector): Selector {
  if (typeof zone !== 'string' || zone === '') throw new TypeError(`inZone(${JSON.stringify(zone)}, …): give the name of the zone that this client is in`);
  return {
    name: `in-zone-${inner.name}`,
    build(instances, previous) {
      // Only what this selector has built before has a memory that the other one understands.
      const before = previous instanceof ZonePicker ? previous : undefined;
      const here = instances.filter(({ metadata }) => [metadata['zone'] ?? []].flat()[0] === zone);
      const elsewhere = instances.filter((instance) => !here.includes(instance));
      return new ZonePicker(here, inner.build(here, before?.near), inner.build(elsewhere, before?.far));
    },
  };
}

class ZonePicker implements Picker {
  readonly near: Picker;
  readonly far: Picker;
  readonly #here: readonly ServiceInstance[];

  constructor(here: readonly ServiceInstance[], near: Picker, far: Picker) {
    this.#here = here;
    this.near = near;
    this.far = far;
  }

  pick(info: PickInfo): Pick | undefined {
    const { avoid } = info;
    const usable = avoid === undefined ? this.#here.length > 0 : this.#here.some(({ address }) => !avoid.has(address));
    return (usable ? this.near.pick(info) : this.far.pick(info)) ?? this.near.pick(info);
  }
}
