import type { Cursor } from './cursor.ts';
import { textAt } from './read-text.ts';

// One place per hash; a newcomer takes it when it is seen twice in a row there, so that keys that never return displace nothing for good.
const places = 1024;
const longest = 31;
const heads = new Int32Array(places);
const tails = new Int32Array(places);
const sizes = new Uint8Array(places);
const seen = new Int32Array(places);
const middles = new Int32Array(places * 8);
const texts: string[] = new Array<string>(places).fill('');

/** The first up to four bytes at `at` as one number. */
export function headWord(view: DataView, at: number, size: number): number {
  if (size >= 4) return view.getInt32(at, true);
  let word = view.getUint8(at);
  if (size > 1) word |= view.getUint8(at + 1) << 8;
  if (size > 2) word |= view.getUint8(at + 2) << 16;
  return word;
}

/** The key of `size` bytes at `at`, which the caller has checked to be there: an interned string if it came before. */
export function keyAt(cursor: Cursor, at: number, size: number): string {
  if (size === 0 || size > longest) return textAt(cursor, at, size);
  const { view } = cursor;
  const head = headWord(view, at, size);
  const tail = size > 4 ? view.getInt32(at + size - 4, true) : head;
  const hash = Math.imul(head ^ Math.imul(tail, 0x9e3779b1) ^ size, 0x85ebca6b);
  const place = hash >>> 22;
  if (heads[place] === head && tails[place] === tail && sizes[place] === size && middleIs(view, at, size, place)) return texts[place] as string;
  const text = textAt(cursor, at, size);
  if (seen[place] === hash) remember(view, at, size, place, text);
  seen[place] = hash;
  return text;
}

function middleIs(view: DataView, at: number, size: number, place: number): boolean {
  for (let offset = 4, slot = place * 8; offset < size - 4; offset += 4, slot++) {
    if (middles[slot] !== view.getInt32(at + offset, true)) return false;
  }
  return true;
}

function remember(view: DataView, at: number, size: number, place: number, text: string): void {
  const head = headWord(view, at, size);
  heads[place] = head;
  tails[place] = size > 4 ? view.getInt32(at + size - 4, true) : head;
  sizes[place] = size;
  for (let offset = 4, slot = place * 8; offset < size - 4; offset += 4, slot++) middles[slot] = view.getInt32(at + offset, true);
  texts[place] = interned(text);
}

/** The engine's one copy of the string, which makes it quicker as a key than any other copy. */
export function interned(text: string): string {
  return Object.keys({ [text]: 0 })[0] as string;
}
