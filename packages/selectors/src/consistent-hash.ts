import type { Pick, Picker, PickInfo, Selector } from '@rpcxjs/core';
import { DoubleJump, rehash } from './double-jump.ts';
import { goText } from './go-text.ts';
import { Hash64 } from './hash64.ts';
import { picksOf, unavoided } from './server-list.ts';

/**
 * A selector that sends equal keys to the same server, and moves only the keys of a server that goes. The key is the call's `hashKey`; without one it is
 * service, method and the arguments as Go would print them, as in rpcx (`client/selector.go`, consistentHashSelector), which costs as much as they are long.
 * Servers are added in the order of their addresses: clients agree as long as they saw the same changes.
 */
export function consistentHash(): Selector {
  return {
    name: 'consistent-hash',
    build(instances, previous) {
      const picks = picksOf(instances);
      const table = new DoubleJump(previous instanceof HashPicker ? previous.table : undefined);
      return new HashPicker(picks, table.update(picks.map(({ instance }) => instance.address)));
    },
  };
}

class HashPicker implements Picker {
  readonly table: DoubleJump;
  readonly #picks: readonly Pick[];
  readonly #loose: readonly (Pick | undefined)[];
  readonly #compact: readonly (Pick | undefined)[];
  readonly #key: Hash64 = new Hash64();
  /** The hash of the latest `/service/method/`: most calls are of the same few methods. */
  readonly #prefix: Hash64 = new Hash64();
  #service: string | undefined;
  #method: string | undefined;

  constructor(picks: readonly Pick[], table: DoubleJump) {
    this.table = table;
    this.#picks = picks;
    const byAddress = new Map(picks.map((pick) => [pick.instance.address, pick]));
    this.#loose = table.loose.map((address) => (address === undefined ? undefined : byAddress.get(address)));
    this.#compact = table.compact.map((address) => byAddress.get(address));
  }

  pick(info: PickInfo): Pick | undefined {
    if (this.#picks.length < 2) return this.#picks[0];
    const pick = this.#at(this.#keyOf(info));
    const { avoid } = info;
    if (pick === undefined || avoid === undefined || !avoid.has(pick.instance.address)) return pick;
    return this.#another(pick, avoid);
  }

  /** The server for a key whose own server is avoided: for each key always the same one, and together the keys go to all others. */
  #another(first: Pick, avoid: ReadonlySet<string>): Pick {
    const left = unavoided(this.#picks, avoid);
    if (left.length === this.#picks.length) return first;
    for (let count = 0; count < 16; count++) {
      const pick = this.#at(rehash(this.#key));
      if (pick !== undefined && !avoid.has(pick.instance.address)) return pick;
    }
    return left[0] ?? first;
  }

  #at(key: Hash64): Pick | undefined {
    const place = this.table.place(key);
    return place < 0 ? this.#loose[-1 - place] : this.#compact[place];
  }

  #keyOf({ service, method, input, hashKey }: PickInfo): Hash64 {
    const key = this.#key;
    if (hashKey !== undefined) return key.reset().add(hashKey);
    if (service !== this.#service || method !== this.#method) {
      this.#prefix.reset().add(`/${service}/${method}/`);
      this.#service = service;
      this.#method = method;
    }
    return key.set(this.#prefix).add(goText(input));
  }
}
