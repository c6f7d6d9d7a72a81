import type { Pick, Picker, PickInfo, Selector, ServiceInstance } from '@rpcxjs/core';
import { picksOf, unavoided } from './server-list.ts';

/**
 * Chooses one of the servers, at least one of which is given, in the order of their addresses; servers that this call has used up are not among them while
 * others are. The answer is one of them or its address. Anything else, such as a server that is gone, counts as undefined: the call finds no server.
 */
export type ChooseServer = (info: PickInfo, instances: readonly ServiceInstance[]) => ServiceInstance | string | undefined;

/** A selector that asks a function. What it throws, the call fails with. Throws TypeError when it is no function. */
export function userSelector(choose: ChooseServer): Selector {
  if (typeof choose !== 'function') throw new TypeError(`userSelector(${typeof choose}): give a function (info, instances) => one of the instances`);
  return { name: 'user', build: (instances) => new UserPicker(picksOf(instances), choose) };
}

class UserPicker implements Picker {
  readonly #picks: readonly Pick[];
  readonly #instances: readonly ServiceInstance[];
  readonly #byAddress: ReadonlyMap<string, Pick>;
  readonly #choose: ChooseServer;

  constructor(picks: readonly Pick[], choose: ChooseServer) {
    this.#picks = picks;
    this.#instances = Object.freeze(picks.map(({ instance }) => instance));
    this.#byAddress = new Map(picks.map((pick) => [pick.instance.address, pick]));
    this.#choose = choose;
  }

  pick(info: PickInfo): Pick | undefined {
    if (this.#picks.length === 0) return undefined;
    const { avoid } = info;
    const instances = avoid === undefined || avoid.size === 0 ? this.#instances : unavoided(this.#picks, avoid).map(({ instance }) => instance);
    const chosen = this.#choose(info, instances);
    return chosen === undefined ? undefined : this.#byAddress.get(typeof chosen === 'string' ? chosen : chosen.address);
  }
}
