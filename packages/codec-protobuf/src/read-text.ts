import { canGenerate, generate } from './code-generation.ts';

interface NodeBytes extends Uint8Array {
  utf8Slice(start: number, end: number): string;
  ucs2Slice(start: number, end: number): string;
}
interface BufferHost {
  readonly Buffer?: { readonly prototype: NodeBytes };
}
// Node's own readers work on any Uint8Array and need no view of it.
const node = (globalThis as BufferHost).Buffer?.prototype;
const strictDecoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const lenientDecoder = new TextDecoder('utf-8', { ignoreBOM: true });

// Decoding by hand wins where the native call's fixed cost or its slow two-byte path dominates (bench/text.ts).
const longestAscii = 16;
const longestByHand = 4096;
const units = new Uint16Array(longestByHand);
const unitBytes = new Uint8Array(units.buffer);
const littleEndian = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1;
const notUtf8 = -1;

/** Where text is read from. */
export interface TextSource {
  readonly bytes: Uint8Array;
  readonly view: DataView;
  refuse(what: string, at: number): never;
}

/** The text of `[start, end)`. `strict`: malformed UTF-8 is refused, otherwise it becomes U+FFFD. */
export function readText(source: TextSource, start: number, end: number, strict: boolean): string {
  const count = end - start;
  if (count === 0) return '';
  const { bytes } = source;
  if (count <= longestAscii || (count <= longestByHand && ((bytes[start] as number) | (bytes[start + 4] as number)) > 0x7f)) {
    const made = transcode(source, start, end);
    if (made !== notUtf8) {
      const text = textOfUnits(made);
      if (text !== undefined) return text;
    }
  }
  return readLong(source, start, end, strict);
}

function readLong(source: TextSource, start: number, end: number, strict: boolean): string {
  const text = node === undefined ? lenientDecoder.decode(source.bytes.subarray(start, end)) : node.utf8Slice.call(source.bytes, start, end);
  // Only a text with the replacement character can have been malformed; whether it stood there is for the strict decoder to say.
  if (strict && text.includes('\ufffd')) {
    try {
      strictDecoder.decode(source.bytes.subarray(start, end));
    } catch {
      source.refuse('a string is no UTF-8', start);
    }
  }
  return text;
}

/** Writes the UTF-16 units of `[start, end)` to `units`; `notUtf8` if it is malformed. */
function transcode({ bytes, view }: TextSource, start: number, end: number): number {
  let count = 0;
  let at = start;
  // Four three-byte characters at a time: most of Chinese, Japanese and Korean.
  while (at + 12 <= end) {
    const a = view.getInt32(at);
    const b = view.getInt32(at + 4);
    const c = view.getInt32(at + 8);
    if ((a & 0xf0c0c0f0) !== -0x1f7f7f20 || (b & 0xc0c0f0c0) !== -0x7f7f1f80 || (c & 0xc0f0c0c0) !== -0x7f1f7f80) break;
    const first = ((a >>> 12) & 0xf000) | ((a >>> 10) & 0xfc0) | ((a >>> 8) & 0x3f);
    const second = ((a & 0x0f) << 12) | ((b >>> 18) & 0xfc0) | ((b >>> 16) & 0x3f);
    const third = ((b << 4) & 0xf000) | ((b << 6) & 0xfc0) | ((c >>> 24) & 0x3f);
    const fourth = ((c >>> 4) & 0xf000) | ((c >>> 2) & 0xfc0) | (c & 0x3f);
    if (isBad(first) || isBad(second) || isBad(third) || isBad(fourth)) return notUtf8;
    units[count] = first;
    units[count + 1] = second;
    units[count + 2] = third;
    units[count + 3] = fourth;
    count += 4;
    at += 12;
  }
  while (at < end) {
    const byte = bytes[at] as number; // inside [start, end)
    if (byte < 0x80) {
      units[count++] = byte;
      at++;
    } else if (byte >= 0xe0 && byte < 0xf0 && at + 2 < end) {
      const second = bytes[at + 1] as number; // at + 2 < end
      const third = bytes[at + 2] as number;
      const unit = ((byte & 0x0f) << 12) | ((second & 0x3f) << 6) | (third & 0x3f);
      if ((second & 0xc0) !== 0x80 || (third & 0xc0) !== 0x80 || isBad(unit)) return notUtf8;
      units[count++] = unit;
      at += 3;
    } else if (byte >= 0xc2 && byte < 0xe0 && at + 1 < end) {
      const second = bytes[at + 1] as number; // at + 1 < end
      if ((second & 0xc0) !== 0x80) return notUtf8;
      units[count++] = ((byte & 0x1f) << 6) | (second & 0x3f);
      at += 2;
    } else if (byte >= 0xf0 && byte < 0xf5 && at + 3 < end) {
      const tail = view.getInt32(at) & 0x00ffffff;
      const point = ((byte & 0x07) << 18) | ((tail >>> 4) & 0x3f000) | ((tail >>> 2) & 0xfc0) | (tail & 0x3f);
      if ((tail & 0xc0c0c0) !== 0x808080 || point < 0x10000 || point > 0x10ffff) return notUtf8;
      units[count++] = 0xd7c0 + (point >>> 10);
      units[count++] = 0xdc00 | (point & 0x3ff);
      at += 4;
    } else {
      return notUtf8;
    }
  }
  return count;
}

/** The text of the first `count` units; undefined where there is no quick way. */
function textOfUnits(count: number): string | undefined {
  if (count <= longestCall && canGenerate()) return (fromUnits ??= makeFromUnits())(count);
  return node === undefined || !littleEndian ? undefined : node.ucs2Slice.call(unitBytes, 0, count * 2);
}

// `String.fromCharCode` with as many arguments as there are units makes the string in one step, without a call out of JavaScript.
const longestCall = 32;
let fromUnits: ((count: number) => string) | undefined;
function makeFromUnits(): (count: number) => string {
  const all = Array.from({ length: longestCall }, (_, index) => `u[${index}]`);
  const cases = all.map((_, index) => `case ${index + 1}: return make(${all.slice(0, index + 1).join(', ')});`);
  return generate({ u: units, make: String.fromCharCode }, `return (count) => { switch (count) { ${cases.join(' ')} default: return ''; } };`);
}

/** Overlong, or half of a surrogate pair. */
function isBad(unit: number): boolean {
  return unit < 0x800 || (unit & 0xf800) === 0xd800;
}
