import { unreadable } from './bad-payload.ts';
import { type Cursor, enter, type MapReader, placeOf, take } from './cursor.ts';
import { extensionAt } from './extension.ts';
import { keyAt } from './key-cache.ts';
import { countOfArray, countOfMap, nextTag, readSize } from './read-header.ts';
import { textAt } from './read-text.ts';

/** Reads one value of any type. `maps` and `key` name the place that it has among the maps above it, where they learn. */
export function readValue(cursor: Cursor, maps: MapReader | undefined, key: number): unknown {
  const tag = nextTag(cursor);
  if (tag < 0x80) return tag;
  if (tag >= 0xe0) return tag - 256;
  if (tag >= 0xa0 && tag < 0xc0) return readText(cursor, tag & 31);
  if (tag >= 0xc0) return readTagged(cursor, tag, maps, key);
  return tag < 0x90 ? readMap(cursor, countOfMap(cursor, tag), maps?.child(key)) : readArray(cursor, countOfArray(cursor, tag), maps?.child(key));
}

function readTagged(cursor: Cursor, tag: number, maps: MapReader | undefined, key: number): unknown {
  const { view } = cursor;
  switch (tag) {
    case 0xc0: return null;
    case 0xc2: return false;
    case 0xc3: return true;
    case 0xc4: case 0xc5: case 0xc6: return readBytes(cursor, readSize(cursor, tag - 0xc4));
    case 0xc7: case 0xc8: case 0xc9: return readExtension(cursor, readSize(cursor, tag - 0xc7));
    case 0xca: return view.getFloat32(take(cursor, 4));
    case 0xcb: return view.getFloat64(take(cursor, 8));
    case 0xcc: return view.getUint8(take(cursor, 1));
    case 0xcd: return view.getUint16(take(cursor, 2));
    case 0xce: return view.getUint32(take(cursor, 4));
    case 0xcf: return readUint64(cursor);
    case 0xd0: return view.getInt8(take(cursor, 1));
    case 0xd1: return view.getInt16(take(cursor, 2));
    case 0xd2: return view.getInt32(take(cursor, 4));
    case 0xd3: return readInt64(cursor);
    case 0xd4: case 0xd5: case 0xd6: case 0xd7: case 0xd8: return readExtension(cursor, 1 << (tag - 0xd4));
    case 0xd9: case 0xda: case 0xdb: return readText(cursor, readSize(cursor, tag - 0xd9));
    case 0xdc: case 0xdd: return readArray(cursor, countOfArray(cursor, tag), maps?.child(key));
    case 0xde: case 0xdf: return readMap(cursor, countOfMap(cursor, tag), maps?.child(key));
    default: throw unreadable(`byte ${placeOf(cursor, 1)} is 0xc1, which no value begins with`);
  }
}

export function readText(cursor: Cursor, size: number): string {
  return textAt(cursor, take(cursor, size), size);
}

export function readBytes(cursor: Cursor, size: number): Uint8Array {
  const at = take(cursor, size);
  return new Uint8Array(cursor.bytes.subarray(at, at + size));
}

function readExtension(cursor: Cursor, size: number): unknown {
  const type = cursor.view.getInt8(take(cursor, 1));
  return extensionAt(cursor, type, take(cursor, size), size);
}

function readInt64(cursor: Cursor): number | bigint {
  const at = take(cursor, 8);
  const { int64 } = cursor.options;
  if (int64 === 'bigint') return cursor.view.getBigInt64(at);
  const value = int64At(cursor.view, at);
  if (int64 === 'number' && typeof value === 'bigint') throw tooWide(value);
  return value;
}

function readUint64(cursor: Cursor): number | bigint {
  const at = take(cursor, 8);
  const { int64 } = cursor.options;
  if (int64 === 'bigint') return cursor.view.getBigUint64(at);
  const value = uint64At(cursor.view, at);
  if (int64 === 'number' && typeof value === 'bigint') throw tooWide(value);
  return value;
}

/** The int64 at `at`: a number when it is safe, else a bigint. */
export function int64At(view: DataView, at: number): number | bigint {
  const value = view.getInt32(at) * 4294967296 + view.getUint32(at + 4);
  return Number.isSafeInteger(value) ? value : view.getBigInt64(at);
}

/** The uint64 at `at`: a number when it is safe, else a bigint. */
export function uint64At(view: DataView, at: number): number | bigint {
  const value = view.getUint32(at) * 4294967296 + view.getUint32(at + 4);
  return Number.isSafeInteger(value) ? value : view.getBigUint64(at);
}

function tooWide(value: bigint): Error {
  return unreadable(`the integer ${value} is no exact number; set int64 to 'auto' or 'bigint'`);
}

/** The number under which the elements of an array are known: all of them are taken to be alike. */
const elementKey = 0;

function readArray(cursor: Cursor, count: number, elements: MapReader | undefined): unknown[] {
  enter(cursor);
  const array: unknown[] = [];
  for (let index = 0; index < count; index++) array.push(readValue(cursor, elements, elementKey));
  cursor.depth--;
  return array;
}

function readMap(cursor: Cursor, count: number, reader: MapReader | undefined): unknown {
  enter(cursor);
  const map = reader === undefined ? readPlainMap(cursor, count) : reader.readMap(cursor, count);
  cursor.depth--;
  return map;
}

/** A map as a plain object, nothing learned. Of equal keys the last wins. */
export function readPlainMap(cursor: Cursor, count: number, object: Record<string, unknown> = {}): Record<string, unknown> {
  for (let index = 0; index < count; index++) {
    const key = readKey(cursor);
    setOwn(object, key, readValue(cursor, undefined, 0));
  }
  return object;
}

/** Sets a property of its own: `__proto__` is a key like any other. */
export function setOwn(object: Record<string, unknown>, key: string, value: unknown): void {
  if (key === '__proto__') Object.defineProperty(object, key, { value, writable: true, enumerable: true, configurable: true });
  else object[key] = value;
}

/** A key as text: strings and binary as they are, numbers and booleans as they print, as Go's `map[int]string` has them. */
export function readKey(cursor: Cursor): string {
  const tag = nextTag(cursor);
  if (tag >= 0xa0 && tag < 0xc0) {
    const size = tag & 31;
    return keyAt(cursor, take(cursor, size), size);
  }
  const isBinary = tag >= 0xc4 && tag <= 0xc6;
  if (isBinary || (tag >= 0xd9 && tag <= 0xdb)) {
    return readText(cursor, readSize(cursor, isBinary ? tag - 0xc4 : tag - 0xd9));
  }
  const isScalar = tag < 0x80 || tag >= 0xe0 || tag === 0xc2 || tag === 0xc3 || (tag >= 0xca && tag <= 0xd3);
  if (!isScalar) throw unreadable(`the map key at byte ${placeOf(cursor, 1)} begins with 0x${tag.toString(16)}; keys are strings, numbers or booleans`);
  cursor.offset--;
  return String(readValue(cursor, undefined, 0));
}
