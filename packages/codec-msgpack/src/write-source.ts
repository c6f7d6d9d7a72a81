import { coverOf } from './read-source.ts';

/** One property of a shape: its key as it stands on the wire, and how its value is written. */
export interface WriteStep {
  readonly key: Uint8Array;
  /** Gets the value from the object `o`: an expression. */
  readonly value: string;
  /** Writes the value `v` at `p`, whatever the reserved space allows in line: statements, made with the bytes that all later fields may take. */
  readonly put: (rest: number) => string;
  /** The condition under which the property is written at all. */
  readonly when?: string | undefined;
}

/** No scalar takes more than a timestamp's 15 bytes; and a key is written in whole words, which may run over its end. */
const slack = 16;

/** The statements that write `header` and then the steps for writer `w`, at the end of which `p` stands behind them. */
export function writerSource(header: string, steps: readonly WriteStep[]): string {
  let rest = steps.reduce((sum, step) => sum + step.key.length + slack, slack);
  const lines = [`w.reserve(${rest});let b=w.bytes,d=w.view,p=w.offset,v;`, header];
  for (const step of steps) {
    rest -= step.key.length + slack;
    const statements = `v=${step.value};${keySource(step.key)}${step.put(rest)}`;
    lines.push(step.when === undefined ? statements : `if(${step.when}){${statements}}`);
  }
  lines.push('w.offset=p;');
  return lines.join('\n');
}

/** The statements that write a map's header with a fixed count. */
export function headerSource(count: number): string {
  return count < 16 ? `b[p++]=${0x80 | count};` : `b[p]=222;b[p+1]=${count >>> 8};b[p+2]=${count & 255};p+=3;`;
}

/** Leaves in-line writing for a call that may write anything and may move the buffer. */
export function callSource(call: string, rest: number): string {
  return `{w.offset=p;${call};w.reserve(${rest});b=w.bytes;d=w.view;p=w.offset;}`;
}

/** The statement that writes the string `v`; it needs `S`, which is `putTextWithRoom` or `putWholeTextWithRoom`. */
export function textSource(rest: number): string {
  return `{p=S(w,p,v,${rest});b=w.bytes;d=w.view;}`;
}

function keySource(key: Uint8Array): string {
  const size = key.length;
  const room = new Uint8Array(Math.max(size, 8));
  room.set(key);
  const view = new DataView(room.buffer);
  // Below eight bytes one word still does: what it writes too much is written over. No word is NaN, which could change on its way: that takes a byte
  // from 0xf0 on before 0x7f or 0xff, and UTF-8 has no such pair; nor is one -0.
  const stores = coverOf(room.length).map(([at]) => `d.setFloat64(p+${at},${view.getFloat64(at, true)},true);`);
  return `${stores.join('')}p+=${size};`;
}
