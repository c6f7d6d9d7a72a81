import type { Outcome, Pick, Picker, PickInfo, Selector, ServiceInstance } from '@rpcxjs/core';
import { isNodeFailure } from './node-failure.ts';

/** The server that a client keeps, through all the lists of one service. */
interface Place {
  address: string | undefined;
}

/**
 * A selector that keeps the server which another selector chose, until that server fails or leaves the list; then the other one chooses again (rpcx
 * `Option.Sticky`). A server fails with `unavailable`, `deadline_exceeded`, `resource_exhausted`, `internal`, `data_loss` or an error that is no RpcError.
 */
export function sticky(inner: Selector): Selector {
  if (typeof inner?.build !== 'function') throw new TypeError('sticky(inner): give the selector that chooses, for example sticky(random())');
  return {
    name: `sticky-${inner.name}`,
    build(instances, previous) {
      const before = previous instanceof StickyPicker ? previous : undefined;
      return new StickyPicker(inner.build(instances, before?.inner), instances, before?.place ?? { address: undefined });
    },
  };
}

class StickyPicker implements Picker {
  readonly inner: Picker;
  readonly place: Place;
  readonly #byAddress: ReadonlyMap<string, ServiceInstance>;
  #kept: Pick | undefined;

  constructor(inner: Picker, instances: readonly ServiceInstance[], place: Place) {
    this.inner = inner;
    this.place = place;
    this.#byAddress = new Map(instances.toReversed().map((instance) => [instance.address, instance]));
  }

  pick(info: PickInfo): Pick | undefined {
    const kept = this.#keptPick();
    if (kept === undefined) return this.#choose(info);
    // A second attempt at the same time, elsewhere: the server has not failed.
    return info.avoid?.has(kept.instance.address) === true ? this.inner.pick(info) : kept;
  }

  #keptPick(): Pick | undefined {
    const { address } = this.place;
    if (address === undefined) return undefined;
    if (this.#kept?.instance.address === address) return this.#kept;
    const instance = this.#byAddress.get(address);
    this.#kept = instance === undefined ? undefined : { instance, done: (outcome) => this.#told(address, outcome) };
    return this.#kept;
  }

  #choose(info: PickInfo): Pick | undefined {
    const pick = this.inner.pick(info);
    if (pick === undefined) return undefined;
    const { address } = pick.instance;
    this.place.address = address;
    return {
      instance: pick.instance,
      done: (outcome) => {
        this.#told(address, outcome);
        pick.done?.(outcome);
      },
    };
  }

  #told(address: string, { error }: Outcome): void {
    if (isNodeFailure(error) && this.place.address === address) this.place.address = undefined;
  }
}
