import { Hash64, jump } from './hash64.ts';

/**
 * Jump hash over servers that come and go, in two arrays: a loose one, where a server keeps its place and leaves a hole, and a compact one for keys
 * that hit a hole (rpcx `client/hash_utils.go` and edwingeng/doublejump). Where a key goes depends on the order in which servers came and went.
 */
export class DoubleJump {
  readonly loose: (string | undefined)[];
  readonly compact: string[];
  /** Free places of the loose array, the latest last. */
  readonly #free: number[];
  readonly #looseAt: Map<string, number>;
  readonly #compactAt: Map<string, number>;
  readonly #scratch = new Hash64();

  /** A copy of another one, or an empty one. */
  constructor(other?: DoubleJump) {
    this.loose = other === undefined ? [] : [...other.loose];
    this.compact = other === undefined ? [] : [...other.compact];
    this.#free = other === undefined ? [] : [...other.#free];
    this.#looseAt = new Map(other === undefined ? [] : other.#looseAt);
    this.#compactAt = new Map(other === undefined ? [] : other.#compactAt);
  }

  /** Adds the new ones and then takes out the missing ones, as rpcx does at each update; both in the order of their names, as rpcx does not. */
  update(names: readonly string[]): this {
    for (const name of names) if (!this.#looseAt.has(name)) this.#add(name);
    const wanted = new Set(names);
    for (const name of [...this.#looseAt.keys()].sort()) if (!wanted.has(name)) this.#remove(name);
    return this;
  }

  /** Where a key goes: the place in `compact`, or -1 - the place in `loose`; NaN without servers. The key stays as it was. */
  place(key: Hash64): number {
    if (this.compact.length === 0) return Number.NaN;
    const at = jump(this.#scratch.set(key), this.loose.length);
    if (this.loose[at] !== undefined) return -1 - at;
    return jump(rehash(this.#scratch.set(key)), this.compact.length);
  }

  #add(name: string): void {
    const at = this.#free.pop() ?? this.loose.length;
    this.loose[at] = name;
    this.#looseAt.set(name, at);
    this.#compactAt.set(name, this.compact.length);
    this.compact.push(name);
  }

  #remove(name: string): void {
    const loose = this.#looseAt.get(name) as number; // only what was added is removed
    this.loose[loose] = undefined;
    this.#free.push(loose);
    const at = this.#compactAt.get(name) as number; // likewise
    const last = this.compact.pop() as string; // likewise
    if (last !== name) {
      this.compact[at] = last;
      this.#compactAt.set(last, at);
    }
    this.#looseAt.delete(name);
    this.#compactAt.delete(name);
  }
}

/** The key for the compact array. */
export function rehash(key: Hash64): Hash64 {
  return key.multiply(0xc6a4a793, 0x5bd1e995, 0);
}
