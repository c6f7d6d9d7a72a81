import { canGenerate, generate, mostFields } from './code-generation.ts';
import type { Cursor, MapReader } from './cursor.ts';
import { KeyTrie } from './key-trie.ts';
import type { LearningBudget } from './learning-budget.ts';
import { hotMakerOf, type Maker, makerOf } from './object-maker.ts';
import { literalSource, readerSource, tagClasses } from './read-source.ts';
import { textAt } from './read-text.ts';
import { readPlainMap, readValue, setOwn } from './read-value.ts';

type Program = (cursor: Cursor, count: number) => Record<string, unknown> | undefined;

// A maker pays after a few maps, a reader of its own after many more.
const makerHits = 8;
const programHits = 1000;
const mostPrograms = 8;
const mostMakers = 64;
const restMaps = 4096;
// What a reader below this one may cost, in places.
const childPlaces = 4;

/** Where the keys of one shape end: how often, and what was made for it. */
interface Shape {
  hits: number;
  readonly keys: readonly number[];
  maker: Maker | undefined;
}

/**
 * Reads the maps of one place of one method's messages, and gets better at it. First a trie of keys, then an object maker for a list of keys that
 * came often, then a function that reads this list in a straight line and gives up at the first key that differs.
 */
export class LearnedReader implements MapReader {
  readonly #budget: LearningBudget;
  readonly #hasWideTags: boolean;
  readonly #programs: Program[] = [];
  #children: (LearnedReader | undefined)[] = [];
  #trie: KeyTrie | undefined;
  #shapes = new Map<number, Shape>();
  // By key: the class of the last value's first byte, and the one before that.
  #tags: number[] = [];
  #olderTags: number[] = [];
  #rest = 0;

  /** `hasWideTags`: 64-bit integers are read as numbers where they can be. */
  constructor(budget: LearningBudget, hasWideTags: boolean) {
    this.#budget = budget;
    this.#hasWideTags = hasWideTags;
  }

  child(key: number): MapReader | undefined {
    const child = this.#children[key];
    if (child !== undefined) return child;
    if (!this.#budget.takePlaces(childPlaces)) return undefined;
    return (this.#children[key] = new LearnedReader(this.#budget, this.#hasWideTags));
  }

  readMap(cursor: Cursor, count: number): Record<string, unknown> {
    const programs = this.#programs;
    const { offset } = cursor;
    for (let index = 0; index < programs.length; index++) {
      // `as`: within the list.
      const program = programs[index] as Program;
      const map = program(cursor, count);
      if (map !== undefined) {
        if (index > 0) {
          programs[index] = programs[index - 1] as Program;
          programs[index - 1] = program;
        }
        return map;
      }
      cursor.offset = offset;
    }
    if (this.#rest > 0) {
      this.#rest--;
      return readPlainMap(cursor, count);
    }
    return count === 0 || count > mostFields ? readPlainMap(cursor, count) : this.#walk(cursor, count);
  }

  #walk(cursor: Cursor, count: number): Record<string, unknown> {
    const trie = (this.#trie ??= new KeyTrie(this.#budget));
    const values: unknown[] = new Array<unknown>(count);
    const classes = canGenerate() ? tagClasses() : undefined;
    let node = 0;
    for (let index = 0; index < count; index++) {
      const next = trie.step(cursor, node);
      if (next === 0) return this.#leave(cursor, count, { trie, node, values });
      node = next;
      const key = trie.keyOf(node);
      // Past the end this is undefined, and `readValue` says so.
      if (classes !== undefined) this.#remember(key, classes[cursor.bytes[cursor.offset] as number] as number);
      values[index] = readValue(cursor, this, key);
    }
    return this.#make(trie, node, values);
  }

  #remember(key: number, tag: number): void {
    const last = this.#tags[key];
    if (last === tag) return;
    this.#tags[key] = tag;
    this.#olderTags[key] = last ?? -1;
  }

  /** Goes on without learning from a key on that is not to be learned. */
  #leave(cursor: Cursor, count: number, { trie, node, values }: { readonly trie: KeyTrie; readonly node: number; readonly values: readonly unknown[] }): Record<string, unknown> {
    const path = trie.path(node);
    const map = assemble(trie, path, values);
    readPlainMap(cursor, count - path.length, map);
    this.#takeRest(trie);
    return map;
  }

  /** Too many different keys or shapes, as in a dictionary or an attack: learns nothing for a while, and then starts anew. */
  #takeRest(trie: KeyTrie): void {
    this.#budget.returnPlaces(trie.size);
    this.#trie = undefined;
    this.#shapes = new Map();
    this.#tags = [];
    this.#olderTags = [];
    // The numbers of the keys are no longer those that the children were made for; programs keep what they hold.
    this.#budget.returnPlaces(childPlaces * this.#children.filter((child) => child !== undefined).length);
    this.#children = [];
    this.#rest = restMaps;
  }

  #make(trie: KeyTrie, node: number, values: readonly unknown[]): Record<string, unknown> {
    let shape = this.#shapes.get(node);
    if (shape === undefined) {
      if (this.#shapes.size >= mostMakers) {
        const map = assemble(trie, trie.path(node), values);
        this.#takeRest(trie);
        return map;
      }
      shape = { hits: 0, keys: trie.path(node), maker: undefined };
      this.#shapes.set(node, shape);
    }
    shape.hits++;
    if (shape.hits === makerHits) shape.maker = this.#makerOf(trie, shape.keys);
    else if (shape.hits % programHits === 0 && shape.maker !== undefined) this.#promote(trie, shape);
    return shape.maker === undefined ? assemble(trie, shape.keys, values) : shape.maker(values);
  }

  #makerOf(trie: KeyTrie, keys: readonly number[]): Maker | undefined {
    const names = namesOf(trie, keys);
    if (!isCompilable(names) || !this.#budget.takeProgram()) return undefined;
    return makerOf(names);
  }

  #promote(trie: KeyTrie, shape: Shape): void {
    if (!canGenerate()) {
      if (shape.hits === programHits) shape.maker = hotMakerOf(namesOf(trie, shape.keys)) ?? shape.maker;
    } else if (this.#budget.takeProgram()) this.#compile(trie, shape.keys);
  }

  #compile(trie: KeyTrie, keys: readonly number[]): void {
    const steps = keys.map((key, index) => ({
      key: (trie.keys[key] as KeyTrie['keys'][number]).bytes,
      variable: `v${index}`,
      tags: this.#fastTags(key),
      slow: `R(c,M,${key})`,
    }));
    const result = literalSource(namesOf(trie, keys).map((name, index) => [name, `v${index}`]));
    // A reader of its own for the fields below, since the trie's numbers may be given away again.
    const program = generate<Program>({ T: textAt, R: readValue, M: this.#offshoot() }, readerSource(steps, result));
    if (this.#programs.length >= mostPrograms) this.#programs.pop();
    this.#programs.push(program);
  }

  #fastTags(key: number): number[] {
    return [this.#tags[key] ?? -1, this.#olderTags[key] ?? -1].filter((tag) => tag >= 0 && (this.#hasWideTags || (tag !== 0xcf && tag !== 0xd3)));
  }

  /** Another reader with the same children, which stay when this one starts anew. */
  #offshoot(): LearnedReader {
    const other = new LearnedReader(this.#budget, this.#hasWideTags);
    other.#children = this.#children;
    return other;
  }
}

function namesOf(trie: KeyTrie, keys: readonly number[]): string[] {
  // `as`: numbers that the trie gave out.
  return keys.map((key) => (trie.keys[key] as KeyTrie['keys'][number]).text);
}

/** Keys that would end up elsewhere or in another order in a literal stay with the slow path. */
function isCompilable(names: readonly string[]): boolean {
  return new Set(names).size === names.length && !names.some((name) => name === '__proto__' || /^\d/.test(name));
}

function assemble(trie: KeyTrie, keys: readonly number[], values: readonly unknown[]): Record<string, unknown> {
  const map: Record<string, unknown> = {};
  for (let index = 0; index < keys.length; index++) setOwn(map, (trie.keys[keys[index] as number] as KeyTrie['keys'][number]).text, values[index]);
  return map;
}
