/** One field of a shape: its key as it stands on the wire, and how its value is read. */
export interface ReadStep {
  readonly key: Uint8Array;
  /** The variable that takes the value. */
  readonly variable: string;
  /** Classes of first bytes that values of this field had, the likeliest first; 0x100 more for the lower half of an unsigned one's range. */
  readonly tags: readonly number[];
  /** Reads the value at the cursor, of any type: an expression. */
  readonly slow: string;
}

/**
 * The text of a function `(c, count)` that reads a map of exactly these keys in this order from cursor `c`, and returns `result`, an expression over
 * the variables; undefined when the keys are others, and the cursor is then anywhere. It needs `T`, which is `textAt`.
 */
export function readerSource(steps: readonly ReadStep[], result: string): string {
  let rest = steps.reduce((sum, step) => sum + step.key.length + 1, 0);
  const lines = [
    `return function read(c,count){if(count!==${steps.length})return;`,
    'const b=c.bytes,d=c.view,e=c.end;let p=c.offset,t=0,q=0,n=0;',
  ];
  for (const step of steps) {
    // Nothing is read beyond the end of the payload, since the bytes behind it may be anybody's or not there at all.
    lines.push(`if(p+${rest}>e)return;`, keyTest(step.key), `p+=${step.key.length};t=b[p];let ${step.variable};`);
    lines.push(...valueSource(step));
    rest -= step.key.length + 1;
  }
  lines.push(`c.offset=p;return ${result};};`);
  return lines.join('\n');
}

function valueSource(step: ReadStep): string[] {
  const lines: string[] = [];
  const slow = `{c.offset=p;${step.variable}=${step.slow};p=c.offset;}`;
  for (const tag of step.tags) {
    const fast = fastSource(tag, step.variable);
    if (fast !== undefined) lines.push(`${fast}else `);
  }
  lines.push(slow);
  return lines;
}

let classes: Int16Array | undefined;

/** For each first byte of a value the class of those that are read by the same code: the lowest of them, or -1 when none is worth it. */
export function tagClasses(): Int16Array {
  return (classes ??= Int16Array.from({ length: 256 }, (_, tag) => {
    if (tag < 0x80) return 0;
    if (tag >= 0xe0) return 0xe0;
    if (tag >= 0xa0 && tag < 0xc0) return 0xa0;
    if (tag === 0xc3) return 0xc2;
    return fastSource(tag, '') === undefined ? -1 : tag;
  }));
}

function fastSource(tag: number, v: string): string | undefined {
  switch (tag) {
    case 0: return `if(t<128){${v}=t;p++;}`;
    case 0xe0: return `if(t>=224){${v}=t-256;p++;}`;
    case 0xa0: return `if((t&224)===160&&(q=p+1+(n=t&31))<=e){${v}=T(c,p+1,n);p=q;}`;
    case 0xc0: return `if(t===192){${v}=null;p++;}`;
    case 0xc2: return `if((t|1)===195){${v}=t===195;p++;}`;
    case 0xca: return bodied(tag, 5, `${v}=d.getFloat32(p+1)`);
    case 0xcb: return bodied(tag, 9, `${v}=d.getFloat64(p+1)`);
    case 0xcc: return bodied(tag, 2, `${v}=b[p+1]`);
    case 0xcd: return bodied(tag, 3, `${v}=d.getUint16(p+1)`);
    case 0xce: return bodied(tag, 5, `${v}=d.getUint32(p+1)`);
    case 0xd0: return bodied(tag, 2, `${v}=d.getInt8(p+1)`);
    case 0xd1: return bodied(tag, 3, `${v}=d.getInt16(p+1)`);
    case 0xd2: return bodied(tag, 5, `${v}=d.getInt32(p+1)`);
    // Unsigned forms of what a signed type holds.
    case 0x1cc: return bounded(0xcc, 2, 'b[p+1]', [v, 0x80]);
    case 0x1cd: return bounded(0xcd, 3, 'd.getUint16(p+1)', [v, 0x8000]);
    case 0x1ce: return bounded(0xce, 5, 'd.getUint32(p+1)', [v, 0x80000000]);
    // Within these bounds of the upper half every number is exact.
    case 0xcf: return `if(t===207&&p+9<=e&&(n=d.getUint32(p+1))<2097152){${v}=n*4294967296+d.getUint32(p+5);p+=9;}`;
    case 0xd3: return `if(t===211&&p+9<=e&&(n=d.getInt32(p+1))<2097152&&n>-2097152){${v}=n*4294967296+d.getUint32(p+5);p+=9;}`;
    case 0xd9: return `if(t===217&&p+2<=e&&(q=p+2+(n=b[p+1]))<=e){${v}=T(c,p+2,n);p=q;}`;
    default: return undefined;
  }
}

function bodied(tag: number, size: number, assignment: string): string {
  return `if(t===${tag}&&p+${size}<=e){${assignment};p+=${size};}`;
}

function bounded(tag: number, size: number, value: string, [v, limit]: readonly [string, number]): string {
  return `if(t===${tag}&&p+${size}<=e&&(n=${value})<${limit}){${v}=n;p+=${size};}`;
}

/** Leaves the function unless `key` stands at `p`; overlapping words cover it. The caller has made sure that as many bytes are there. */
function keyTest(key: Uint8Array): string {
  const view = new DataView(key.buffer, key.byteOffset, key.length);
  const tests: string[] = [];
  for (const [at, width] of coverOf(key.length)) {
    if (width === 8) {
      const word = view.getFloat64(at, true);
      // Two zeros are equal and NaN is not; elsewhere equal floats have equal bytes.
      if (word !== 0 && !Number.isNaN(word)) tests.push(`d.getFloat64(p+${at},true)!==${word}`);
      else tests.push(`d.getInt32(p+${at},true)!==${view.getInt32(at, true)}`, `d.getInt32(p+${at + 4},true)!==${view.getInt32(at + 4, true)}`);
    } else if (width === 4) tests.push(`d.getInt32(p+${at},true)!==${view.getInt32(at, true)}`);
    else if (width === 2) tests.push(`d.getUint16(p+${at},true)!==${view.getUint16(at, true)}`);
    else tests.push(`b[p+${at}]!==${view.getUint8(at)}`);
  }
  return `if(${tests.join('||')})return;`;
}

/** Places and widths of the words that cover `size` bytes and no others. */
export function coverOf(size: number): readonly (readonly [number, number])[] {
  const width = size >= 8 ? 8 : size >= 4 ? 4 : size >= 2 ? 2 : 1;
  const words: [number, number][] = [];
  for (let at = 0; at + width <= size; at += width) words.push([at, width]);
  if (size % width !== 0) words.push([size - width, width]);
  return words;
}

/** The text of an object literal; `__proto__` is a key like any other. */
export function literalSource(properties: readonly (readonly [string, string])[]): string {
  return `{${properties.map(([name, value]) => `${name === '__proto__' ? '["__proto__"]' : JSON.stringify(name)}:${value}`).join(',')}}`;
}
