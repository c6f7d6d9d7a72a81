import { type Cursor, take } from './cursor.ts';
import { interned } from './key-cache.ts';
import { KeyWords } from './key-bytes.ts';
import type { LearningBudget } from './learning-budget.ts';
import { textAt } from './read-text.ts';

const mostNodes = 4096;
const mostSiblings = 16;

/**
 * The orders in which keys came: each node is a key after those of its parents. The successor that was right the last time is tried first,
 * which for messages of one shape is one comparison a key. Only short keys (0xa0–0xbf) are kept.
 */
export class KeyTrie {
  readonly keys: KeyWords[] = [];
  readonly #numbers = new Map<string, number>();
  readonly #budget: LearningBudget;
  // By node; 0 is the root, and as a reference none.
  readonly #key: number[] = [-1];
  readonly #parent: number[] = [0];
  readonly #child: number[] = [0];
  readonly #sibling: number[] = [0];
  readonly #last: number[] = [0];

  constructor(budget: LearningBudget) {
    this.#budget = budget;
  }

  get size(): number {
    return this.#key.length - 1;
  }

  /** The number of the key that `node` stands for. */
  keyOf(node: number): number {
    // `as`: a node that `step` returned.
    return this.#key[node] as number;
  }

  /** The numbers of the keys from the root to `node`. */
  path(node: number): number[] {
    const path: number[] = [];
    for (let at = node; at !== 0; at = this.#parent[at] as number) path.push(this.keyOf(at));
    return path.reverse();
  }

  /** Moves the cursor over the next key and returns its node; 0, and the cursor where it was, when this key is not to be learned. */
  step(cursor: Cursor, node: number): number {
    // `as`: nodes that `step` returned have an entry in each list.
    const last = this.#last[node] as number;
    if (last !== 0) {
      const key = this.keys[this.#key[last] as number] as KeyWords;
      if (key.isAt(cursor.view, cursor.offset, cursor.end)) {
        cursor.offset += key.size;
        return last;
      }
    }
    return this.#search(cursor, node);
  }

  #search(cursor: Cursor, node: number): number {
    let siblings = 0;
    for (let child = this.#child[node] as number; child !== 0; child = this.#sibling[child] as number) {
      const key = this.keys[this.#key[child] as number] as KeyWords;
      if (key.isAt(cursor.view, cursor.offset, cursor.end)) {
        cursor.offset += key.size;
        this.#last[node] = child;
        return child;
      }
      siblings++;
    }
    return siblings < mostSiblings ? this.#add(cursor, node) : 0;
  }

  #add(cursor: Cursor, parent: number): number {
    const at = cursor.offset;
    const tag = at < cursor.end ? cursor.bytes[at] as number : 0;
    if (tag < 0xa0 || tag > 0xbf || this.#key.length > mostNodes || !this.#budget.takePlaces(1)) return 0;
    const size = 1 + (tag & 31);
    take(cursor, size);
    const node = this.#key.length;
    this.#key.push(this.#numberOf(cursor, at, size));
    this.#parent.push(parent);
    this.#child.push(0);
    this.#sibling.push(this.#child[parent] as number);
    this.#last.push(0);
    this.#child[parent] = node;
    this.#last[parent] = node;
    return node;
  }

  #numberOf(cursor: Cursor, at: number, size: number): number {
    const bytes = new Uint8Array(cursor.bytes.subarray(at, at + size));
    // By the bytes and not by the text: keys that are malformed in different ways have the same text.
    const name = String.fromCharCode(...bytes);
    let number = this.#numbers.get(name);
    if (number === undefined) {
      number = this.keys.length;
      this.keys.push(new KeyWords(interned(textAt(cursor, at + 1, size - 1)), bytes));
      this.#numbers.set(name, number);
    }
    return number;
  }
}
