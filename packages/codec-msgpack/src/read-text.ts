import { readUtf8 } from '@rpcxjs/core';
import { mostUnits, stringOfUnits, units } from './char-codes.ts';
import type { Cursor } from './cursor.ts';

// Longer text cannot fit the exact constructors even if each character takes three bytes.
const mostBytes = mostUnits * 3;

/**
 * The text of `count` bytes from `start` on, which the caller has checked to be there. Malformed UTF-8 becomes U+FFFD, as `TextDecoder` does it.
 * Short text is put together here, because leaving JavaScript for it costs more than the work itself.
 */
export function textAt(cursor: Cursor, start: number, count: number): string {
  const { view } = cursor;
  if (count === 0) return '';
  // A first byte below 0x80 announces text with few wide characters.
  if (count > mostBytes || (count > mostUnits && view.getInt8(start) >= 0)) return readUtf8(cursor.bytes, start, start + count);
  const end = start + count;
  let at = start;
  let length = 0;
  while (at < end) {
    if (length > mostUnits - 4) break;
    if (at + 4 <= end) {
      const word = view.getInt32(at, true);
      if ((word & 0x80808080) === 0) {
        units[length] = word & 0x7f;
        units[length + 1] = (word >>> 8) & 0x7f;
        units[length + 2] = (word >>> 16) & 0x7f;
        units[length + 3] = word >>> 24;
        length += 4;
        at += 4;
        continue;
      }
      if (at + 12 <= end && fourWide(view, at, word, length)) {
        length += 4;
        at += 12;
        continue;
      }
      if ((word & 0xc0c0f0) === 0x8080e0) {
        const unit = ((word & 15) << 12) | ((word >>> 2) & 0xfc0) | ((word >>> 16) & 63);
        if (!isMalformed(unit)) {
          units[length++] = unit;
          at += 3;
          continue;
        }
      }
    }
    const width = oneCharacter(view, at, end, length);
    if (width === 0) return readUtf8(cursor.bytes, start, end);
    length += width === 4 ? 2 : 1;
    at += width;
  }
  while (at < end && length < mostUnits) {
    const width = oneCharacter(view, at, end, length);
    if (width === 0) return readUtf8(cursor.bytes, start, end);
    length += width === 4 ? 2 : 1;
    at += width;
  }
  return at === end && length <= mostUnits ? stringOfUnits(length) : readUtf8(cursor.bytes, start, end);
}

/** Takes four characters of three bytes each, as Chinese text has them, in three words. */
function fourWide(view: DataView, at: number, first: number, length: number): boolean {
  // E. 8. 8. E. | 8. 8. E. 8. | 8. E. 8. 8., the lowest byte on the right
  if ((first & 0xf0c0c0f0) !== (0xe08080e0 | 0)) return false;
  const second = view.getInt32(at + 4, true);
  if ((second & 0xc0f0c0c0) !== (0x80e08080 | 0)) return false;
  const third = view.getInt32(at + 8, true);
  if ((third & 0xc0c0f0c0) !== (0x8080e080 | 0)) return false;
  const a = ((first & 15) << 12) | ((first >>> 2) & 0xfc0) | ((first >>> 16) & 63);
  const b = ((first >>> 12) & 0xf000) | ((second & 63) << 6) | ((second >>> 8) & 63);
  const c = ((second >>> 4) & 0xf000) | ((second >>> 18) & 0xfc0) | (third & 63);
  const d = ((third << 4) & 0xf000) | ((third >>> 10) & 0xfc0) | ((third >>> 24) & 63);
  if (isMalformed(a) || isMalformed(b) || isMalformed(c) || isMalformed(d)) return false;
  units[length] = a;
  units[length + 1] = b;
  units[length + 2] = c;
  units[length + 3] = d;
  return true;
}

/** Too long a form of a smaller number, or half of a pair. */
function isMalformed(unit: number): boolean {
  return unit < 0x800 || (unit & 0xf800) === 0xd800;
}

/** Takes one character; the bytes that it has, or 0 when they are not well formed. */
function oneCharacter(view: DataView, at: number, end: number, length: number): number {
  const lead = view.getUint8(at);
  if (lead < 0x80) {
    units[length] = lead;
    return 1;
  }
  if (lead < 0xc2 || lead > 0xf4) return 0;
  const width = lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
  if (at + width > end) return 0;
  const second = view.getUint8(at + 1);
  if ((second & 0xc0) !== 0x80) return 0;
  if (width === 2) {
    units[length] = ((lead & 31) << 6) | (second & 63);
    return 2;
  }
  const third = view.getUint8(at + 2);
  if ((third & 0xc0) !== 0x80) return 0;
  if (width === 3) {
    const unit = ((lead & 15) << 12) | ((second & 63) << 6) | (third & 63);
    if (isMalformed(unit)) return 0;
    units[length] = unit;
    return 3;
  }
  const fourth = view.getUint8(at + 3);
  const point = ((lead & 7) << 18) | ((second & 63) << 12) | ((third & 63) << 6) | (fourth & 63);
  if ((fourth & 0xc0) !== 0x80 || point < 0x10000 || point > 0x10ffff) return 0;
  units[length] = 0xd7c0 + (point >>> 10);
  units[length + 1] = 0xdc00 + (point & 0x3ff);
  return 4;
}
