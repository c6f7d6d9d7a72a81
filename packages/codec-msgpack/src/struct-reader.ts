import { canGenerate, generate, mostFields } from './code-generation.ts';
import { type Cursor, enter } from './cursor.ts';
import { KeyTrie } from './key-trie.ts';
import { type Kind, type StructField, type StructKind, zeroOf } from './kind.ts';
import { LearningBudget } from './learning-budget.ts';
import { hotMakerOf, type Maker, makerOf } from './object-maker.ts';
import { countOfArray, countOfMap, nextTag, unexpected } from './read-header.ts';
import { literalSource, readerSource, type ReadStep, tagClasses } from './read-source.ts';
import { textAt } from './read-text.ts';
import { readKey, readValue } from './read-value.ts';

type Read = (cursor: Cursor) => unknown;
type Program = (cursor: Cursor, count: number) => unknown;

const programHits = 32;
const mostPrograms = 4;
const mostOrders = 64;
const hotCount = 1000;
const missing: unique symbol = Symbol('missing');

/** The reader of a struct. The order in which the sender writes its fields is learned; with code generation a function is made for it. */
export function structReader(kind: StructKind, readerOf: (kind: Kind) => Read): Read {
  const reader = new StructReader(kind, readerOf);
  return (cursor) => reader.read(cursor);
}

class StructReader {
  readonly #kind: StructKind;
  readonly #reads: readonly Read[];
  readonly #byName: ReadonlyMap<string, number>;
  readonly #budget = new LearningBudget();
  readonly #trie = new KeyTrie(this.#budget);
  // By the trie's number of a key: the field, or -1; and the class of the last value's first byte.
  readonly #fields: number[] = [];
  readonly #tags: number[] = [];
  // By the trie's last node: how often keys came in this order.
  readonly #orders = new Map<number, number>();
  readonly #programs: Program[] = [];
  #maker: Maker | undefined;
  #made = 0;

  constructor(kind: StructKind, readerOf: (kind: Kind) => Read) {
    this.#kind = kind;
    this.#reads = kind.fields.map((field) => (isAbsentWhenNil(field) ? optionalReader(readerOf(field.kind)) : readerOf(field.kind)));
    this.#byName = new Map(kind.fields.map((field, index) => [field.wireName, index]));
  }

  read(cursor: Cursor): unknown {
    const tag = nextTag(cursor);
    if (tag === 0xc0) return zeroOf(this.#kind);
    const count = countOfMap(cursor, tag);
    if (count < 0) return this.#readArray(cursor, tag);
    enter(cursor);
    const value = this.#readMap(cursor, count);
    cursor.depth--;
    return value;
  }

  #readMap(cursor: Cursor, count: number): unknown {
    const programs = this.#programs;
    const { offset } = cursor;
    for (let index = 0; index < programs.length; index++) {
      // `as`: within the list.
      const program = programs[index] as Program;
      const value = program(cursor, count);
      if (value !== undefined) {
        if (index > 0) {
          programs[index] = programs[index - 1] as Program;
          programs[index - 1] = program;
        }
        return value;
      }
      cursor.offset = offset;
    }
    return this.#walk(cursor, count);
  }

  #walk(cursor: Cursor, count: number): unknown {
    const values: unknown[] = new Array<unknown>(this.#reads.length).fill(missing);
    const classes = canGenerate() ? tagClasses() : undefined;
    let node = 0;
    let index = 0;
    for (; index < count; index++) {
      const next = this.#trie.step(cursor, node);
      if (next === 0) break;
      node = next;
      const key = this.#trie.keyOf(node);
      const field = (this.#fields[key] ??= this.#byName.get(this.#trie.keys[key]?.text ?? '') ?? -1);
      // Past the end this is undefined, and whoever reads the value says so.
      if (classes !== undefined) this.#tags[key] = classes[cursor.bytes[cursor.offset] as number] as number;
      this.#readField(cursor, field, values);
    }
    if (index === count && count > 0) this.#learn(node);
    // Keys that are not to be learned, and whatever stands behind them.
    for (; index < count; index++) this.#readField(cursor, this.#byName.get(readKey(cursor)) ?? -1, values);
    return this.#make(values);
  }

  #readField(cursor: Cursor, field: number, values: unknown[]): void {
    const read = this.#reads[field];
    if (read === undefined) readValue(cursor, undefined, 0);
    else values[field] = read(cursor);
  }

  /** Go's `as_array`: the fields in their order, all of them. */
  #readArray(cursor: Cursor, tag: number): unknown {
    const { fields } = this.#kind;
    if (countOfArray(cursor, tag) !== fields.length) throw unexpected(cursor, tag, `a struct of ${fields.length} fields`);
    enter(cursor);
    const value = this.#make(this.#reads.map((read) => read(cursor)));
    cursor.depth--;
    return value;
  }

  #make(values: unknown[]): unknown {
    const { fields } = this.#kind;
    for (let index = 0; index < fields.length; index++) if (values[index] === missing) values[index] = this.#absent(index);
    const maker = (this.#maker ??= makerOf(fields.map((field) => field.name)));
    if (++this.#made === hotCount) this.#maker = hotMakerOf(fields.map((field) => field.name)) ?? maker;
    return maker(values);
  }

  #absent(index: number): unknown {
    const field = this.#kind.fields[index];
    return field === undefined || field.isOptional ? undefined : zeroOf(field.kind);
  }

  #learn(node: number): void {
    const hits = (this.#orders.get(node) ?? 0) + 1;
    if (hits === 1 && this.#orders.size >= mostOrders) return;
    this.#orders.set(node, hits);
    if (hits % programHits === 0) this.#compile(this.#trie.path(node));
  }

  #compile(path: readonly number[]): void {
    const known = path.map((key) => this.#fields[key] ?? -1).filter((field) => field >= 0);
    const isUsable = path.length <= mostFields && new Set(known).size === known.length;
    if (!canGenerate() || !isUsable || !this.#budget.takeProgram()) return;
    const bindings: Record<string, unknown> = { T: textAt, R: readValue, Z: (index: number) => this.#absent(index) };
    for (const field of known) bindings[`F${field}`] = this.#reads[field];
    const result = literalSource(this.#kind.fields.map((field, index) => [field.name, known.includes(index) ? `v${index}` : field.isOptional ? 'undefined' : `Z(${index})`]));
    const program = generate<Program>(bindings, readerSource(path.map((key, index) => this.#step(key, index)), result));
    if (this.#programs.length >= mostPrograms) this.#programs.pop();
    this.#programs.push(program);
  }

  #step(key: number, index: number): ReadStep {
    const field = this.#fields[key] ?? -1;
    // `as`: a number that the trie gave out.
    const { bytes } = this.#trie.keys[key] as KeyTrie['keys'][number];
    const kind = this.#kind.fields[field]?.kind;
    if (kind === undefined) return { key: bytes, variable: `u${index}`, tags: [], slow: 'R(c,undefined,0)' };
    return { key: bytes, variable: `v${field}`, tags: fastTags(kind).filter((tag) => (tag & 0xff) === this.#tags[key]), slow: `F${field}(c)` };
  }
}

/** An optional field that cannot be null otherwise. */
function isAbsentWhenNil({ isOptional, kind }: StructField): boolean {
  return isOptional && kind.kind !== 'nullable' && kind.kind !== 'any';
}

function optionalReader(read: Read): Read {
  return (cursor) => {
    if (cursor.offset >= cursor.end || cursor.bytes[cursor.offset] !== 0xc0) return read(cursor);
    cursor.offset++;
    return undefined;
  };
}

const integerTags: Readonly<Record<string, readonly number[]>> = {
  int8: [0, 0xe0, 0x1cc, 0xd0],
  int16: [0, 0xe0, 0xcc, 0x1cd, 0xd0, 0xd1],
  int32: [0, 0xe0, 0xcc, 0xcd, 0x1ce, 0xd0, 0xd1, 0xd2],
  int64: [0, 0xe0, 0xcc, 0xcd, 0xce, 0xcf, 0xd0, 0xd1, 0xd2, 0xd3],
  uint8: [0, 0xcc],
  uint16: [0, 0xcc, 0xcd],
  uint32: [0, 0xcc, 0xcd, 0xce],
  uint64: [0, 0xcc, 0xcd, 0xce, 0xcf],
};

/** First bytes after which every value fits the kind, so that reading in line needs no check; with 0x100, those of which the lower half does. */
function fastTags(kind: Kind): readonly number[] {
  switch (kind.kind) {
    case 'integer': return kind.as === 'bigint' ? [] : integerTags[kind.name] ?? [];
    case 'float32': case 'rounded32': case 'float64': return [0xca, 0xcb];
    case 'string': return [0xa0, 0xd9];
    case 'bool': return [0xc2];
    case 'nullable': return [0xc0, ...fastTags(kind.inner)];
    default: return [];
  }
}
