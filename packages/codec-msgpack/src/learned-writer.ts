import { unwritable } from './bad-payload.ts';
import { canGenerate, generate, mostFields } from './code-generation.ts';
import { keyBytes, KeyWords } from './key-bytes.ts';
import type { LearningBudget } from './learning-budget.ts';
import type { MapWriter, Output } from './output.ts';
import { mapForm, putNumber, writeCount } from './write-number.ts';
import { callSource, headerSource, textSource, type WriteStep, writerSource } from './write-source.ts';
import { putTextWithRoom } from './write-text.ts';
import { writePlainMap, writeValue } from './write-value.ts';

type Plain = Readonly<Record<string, unknown>>;
/** False when the object has other keys; then nothing was written. */
type Program = (output: Output, object: Plain) => boolean;
type Kind = 'number' | 'string' | 'boolean' | 'nil' | 'other';

const programHits = 8;
const mostShapes = 8;
const restObjects = 4096;
const childPlaces = 4;

interface Shape {
  readonly keys: readonly string[];
  readonly words: readonly KeyWords[];
  /** What kinds the values had so far, the last one first. */
  readonly kinds: Kind[][];
  readonly numbers: readonly number[];
  hits: number;
}

/** Writes the objects of one place of one method's messages, and gets better at it: a list of keys that came often gets a function of its own. */
export class LearnedWriter implements MapWriter {
  readonly #budget: LearningBudget;
  readonly #programs: Program[] = [];
  readonly #children: (LearnedWriter | undefined)[] = [];
  readonly #numbers = new Map<string, number>();
  #shapes: Shape[] = [];
  #rest = 0;

  constructor(budget: LearningBudget) {
    this.#budget = budget;
  }

  child(key: number): MapWriter | undefined {
    const child = this.#children[key];
    if (child !== undefined) return child;
    if (!this.#budget.takePlaces(childPlaces)) return undefined;
    return (this.#children[key] = new LearnedWriter(this.#budget));
  }

  writeMap(output: Output, object: Plain): void {
    const programs = this.#programs;
    for (let index = 0; index < programs.length; index++) {
      // `as`: within the list.
      const program = programs[index] as Program;
      if (program(output, object)) {
        if (index > 0) {
          programs[index] = programs[index - 1] as Program;
          programs[index - 1] = program;
        }
        return;
      }
    }
    if (this.#rest > 0) {
      this.#rest--;
      writePlainMap(output, object);
    } else this.#writeShape(output, object);
  }

  #writeShape(output: Output, object: Plain): void {
    const keys = Object.keys(object);
    const shape = this.#shapes.find((known) => isSame(known.keys, keys)) ?? this.#addShape(keys);
    if (shape === undefined) {
      writePlainMap(output, object);
      return;
    }
    const { writer } = output;
    const isCompiling = canGenerate();
    writeCount(writer, mapForm, keys.length);
    let index = 0;
    // The engine reads the properties of such a loop by their place and not by their name.
    for (const key in object) {
      if (key !== keys[index]) continue;
      const value = object[key];
      if (isCompiling) remember(shape.kinds[index] as Kind[], kindOf(value));
      // `as`: the lists of a shape are as long as its keys.
      (shape.words[index] as KeyWords).write(writer);
      writeValue(output, value, this, shape.numbers[index] as number);
      index++;
    }
    if (index !== keys.length) throw unwritable('an object changed while it was being written; do not change it in a getter');
    shape.hits++;
    if (shape.hits % programHits === 0) this.#compile(shape);
  }

  #addShape(keys: readonly string[]): Shape | undefined {
    if (keys.length > mostFields) return undefined;
    if (this.#shapes.length >= mostShapes || !this.#budget.takePlaces(keys.length)) {
      // Too many shapes, as in a dictionary: learns nothing for a while, and then starts anew.
      for (const shape of this.#shapes) this.#budget.returnPlaces(shape.keys.length);
      this.#shapes = [];
      this.#rest = restObjects;
      return undefined;
    }
    const shape: Shape = { keys, words: keys.map((key) => new KeyWords(key, keyBytes(key))), kinds: keys.map(() => []), numbers: keys.map((key) => this.#numberOf(key)), hits: 0 };
    this.#shapes.push(shape);
    return shape;
  }

  #numberOf(key: string): number {
    const known = this.#numbers.get(key);
    if (known !== undefined) return known;
    const number = this.#numbers.size;
    this.#numbers.set(key, number);
    return number;
  }

  #compile(shape: Shape): void {
    if (!canGenerate() || !this.#budget.takeProgram()) return;
    const steps = shape.keys.map((key, index): WriteStep => ({
      // `as`: the lists of a shape are as long as its keys.
      key: (shape.words[index] as KeyWords).bytes,
      value: `o[${JSON.stringify(key)}]`,
      put: (rest) => putSource(shape.kinds[index] as Kind[], rest, `V(output,v,M,${shape.numbers[index] as number})`),
    }));
    const body = `return function write(output,o){
let i=0;for(const k in o){if(k!==K[i]||!H.call(o,k))return false;i++;}
if(i!==${shape.keys.length})return false;const w=output.writer;${writerSource(headerSource(shape.keys.length), steps)}return true;};`;
    const program = generate<Program>({ K: shape.keys, V: writeValue, S: putTextWithRoom, N: putNumber, M: this, H: Object.prototype.hasOwnProperty }, body);
    if (this.#programs.length >= mostShapes) this.#programs.pop();
    this.#programs.push(program);
  }
}

function isSame(one: readonly string[], other: readonly string[]): boolean {
  if (one.length !== other.length) return false;
  for (let index = 0; index < one.length; index++) if (one[index] !== other[index]) return false;
  return true;
}

function kindOf(value: unknown): Kind {
  const type = typeof value;
  if (type === 'number' || type === 'string' || type === 'boolean') return type;
  return value === null || value === undefined ? 'nil' : 'other';
}

function remember(kinds: Kind[], kind: Kind): void {
  if (kinds[0] === kind) return;
  const known = kinds.indexOf(kind);
  if (known > 0) kinds.splice(known, 1);
  kinds.unshift(kind);
}

function putSource(kinds: readonly Kind[], rest: number, call: string): string {
  return kinds.map((kind) => fastSource(kind, rest)).join('') + callSource(call, rest);
}

function fastSource(kind: Kind, rest: number): string {
  switch (kind) {
    case 'number': return 'if(typeof v==="number"){if((v|0)===v&&v>=0&&v<128)b[p++]=v;else p=N(d,p,v);}else ';
    case 'string': return `if(typeof v==="string")${textSource(rest)}else `;
    case 'boolean': return 'if(v===true)b[p++]=195;else if(v===false)b[p++]=194;else ';
    case 'nil': return 'if(v===null||v===undefined)b[p++]=192;else ';
    case 'other': return '';
  }
}
