import { unreadable } from './bad-payload.ts';
import { type Cursor, placeOf, take, truncated } from './cursor.ts';

/** Takes the first byte of the next value. */
export function nextTag(cursor: Cursor): number {
  const at = cursor.offset;
  if (at >= cursor.end) throw truncated(cursor, 1);
  cursor.offset = at + 1;
  // `as`: within the payload.
  return cursor.bytes[at] as number;
}

/** A length of one (0), two (1) or four (2) bytes. */
export function readSize(cursor: Cursor, form: number): number {
  const { view } = cursor;
  if (form === 0) return view.getUint8(take(cursor, 1));
  return form === 1 ? view.getUint16(take(cursor, 2)) : view.getUint32(take(cursor, 4));
}

/** The number of elements of the array whose first byte was taken; -1 when it is none. */
export function countOfArray(cursor: Cursor, tag: number): number {
  if (tag >= 0x90 && tag < 0xa0) return checked(cursor, tag & 15, 1);
  return tag === 0xdc || tag === 0xdd ? checked(cursor, readSize(cursor, tag - 0xdb), 1) : -1;
}

/** The number of entries of the map whose first byte was taken; -1 when it is none. */
export function countOfMap(cursor: Cursor, tag: number): number {
  if (tag >= 0x80 && tag < 0x90) return checked(cursor, tag & 15, 2);
  return tag === 0xde || tag === 0xdf ? checked(cursor, readSize(cursor, tag - 0xdd), 2) : -1;
}

/** Each element takes a byte at least, so that a count beyond what is left is a lie, found before anything is made for it. */
function checked(cursor: Cursor, count: number, least: number): number {
  const left = cursor.end - cursor.offset;
  if (count * least > left) throw unreadable(`${least === 1 ? 'an array' : 'a map'} claims ${count} entries at byte ${placeOf(cursor)}, where ${left} bytes are left`);
  return count;
}

export function unexpected(cursor: Cursor, tag: number, wanted: string): Error {
  return unreadable(`byte ${placeOf(cursor, 1)} is 0x${tag.toString(16)} where ${wanted} is expected; do both sides declare the same type?`);
}
