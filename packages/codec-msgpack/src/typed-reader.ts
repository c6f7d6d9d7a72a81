import { unreadable } from './bad-payload.ts';
import { type Cursor, enter, take } from './cursor.ts';
import { extensionAt } from './extension.ts';
import { type ArrayKind, type IntegerKind, type Kind, type MapKind, zeroOf } from './kind.ts';
import { countOfArray, countOfMap, nextTag, readSize, unexpected } from './read-header.ts';
import { int64At, readBytes, readKey, readText, readValue, setOwn, uint64At } from './read-value.ts';
import { structReader } from './struct-reader.ts';

/** Reads a value of one kind, whatever width or form the sender chose for it. */
export type Read = (cursor: Cursor) => unknown;

/** The reader of a kind, in closures. nil gives Go's zero value. */
export function readerOf(kind: Kind): Read {
  switch (kind.kind) {
    case 'integer': return (cursor) => readInteger(cursor, kind);
    case 'float32': case 'rounded32': case 'float64': return (cursor) => readFloat(cursor, kind);
    case 'any': return (cursor) => readValue(cursor, undefined, 0);
    case 'nullable': {
      const read = readerOf(kind.inner);
      return (cursor) => (isNil(cursor) ? null : read(cursor));
    }
    case 'array': return arrayReader(kind);
    case 'map': return mapReader(kind);
    case 'struct': return structReader(kind, readerOf);
    default: return plainReader(kind);
  }
}

/** Moves over a nil, if one is next. */
export function isNil(cursor: Cursor): boolean {
  if (cursor.offset >= cursor.end || cursor.bytes[cursor.offset] !== 0xc0) return false;
  cursor.offset++;
  return true;
}

function readInteger(cursor: Cursor, kind: IntegerKind): number | bigint {
  const tag = nextTag(cursor);
  const value = tag < 0x80 ? tag : tag >= 0xe0 ? tag - 256 : widerInteger(cursor, kind, tag);
  if (typeof value === 'number') {
    if (value < kind.lowNumber || value > kind.highNumber) throw outside(kind, value);
    return kind.as === 'bigint' ? BigInt(value) : value;
  }
  if (value < kind.low || value > kind.high) throw outside(kind, value);
  if (kind.as === 'number') throw unreadable(`${value} is no exact number; declare the field as ${kind.name} or ${kind.name}.bigint`);
  return value;
}

function outside(kind: IntegerKind, value: number | bigint): Error {
  return unreadable(`${value} does not fit ${kind.name} (${kind.low} to ${kind.high})`);
}

function widerInteger(cursor: Cursor, kind: IntegerKind, tag: number): number | bigint {
  const { view } = cursor;
  switch (tag) {
    case 0xc0: return 0;
    case 0xcc: return view.getUint8(take(cursor, 1));
    case 0xcd: return view.getUint16(take(cursor, 2));
    case 0xce: return view.getUint32(take(cursor, 4));
    case 0xcf: return uint64At(view, take(cursor, 8));
    case 0xd0: return view.getInt8(take(cursor, 1));
    case 0xd1: return view.getInt16(take(cursor, 2));
    case 0xd2: return view.getInt32(take(cursor, 4));
    case 0xd3: return int64At(view, take(cursor, 8));
    case 0xca: case 0xcb: {
      // Go's encoder never does this; JavaScript ones do, for whole numbers.
      const value = tag === 0xca ? view.getFloat32(take(cursor, 4)) : view.getFloat64(take(cursor, 8));
      if (!Number.isSafeInteger(value)) throw unreadable(`the float ${value} is no ${kind.name}`);
      return value === 0 ? 0 : value;
    }
    default: throw unexpected(cursor, tag, kind.name);
  }
}

function readFloat(cursor: Cursor, kind: Kind): number {
  const tag = nextTag(cursor);
  if (tag === 0xcb) return cursor.view.getFloat64(take(cursor, 8));
  if (tag === 0xca) return cursor.view.getFloat32(take(cursor, 4));
  if (tag === 0xc0) return 0;
  const isInteger = tag < 0x80 || tag >= 0xe0 || (tag >= 0xcc && tag <= 0xd3);
  if (!isInteger) throw unexpected(cursor, tag, kind.kind);
  cursor.offset--;
  // `as`: integers only, and the number is compared with what came.
  const value = readValue(cursor, undefined, 0) as number | bigint;
  if (typeof value === 'bigint' && BigInt(Number(value)) !== value) throw unreadable(`the integer ${value} is no exact ${kind.kind}`);
  return Number(value);
}

function plainReader(kind: Kind): Read {
  switch (kind.kind) {
    case 'bool': return (cursor) => {
      const tag = nextTag(cursor);
      if (tag === 0xc3) return true;
      if (tag === 0xc2 || tag === 0xc0) return false;
      throw unexpected(cursor, tag, 'bool');
    };
    case 'string': return (cursor) => {
      const size = sizeOfText(cursor, 'string');
      return size < 0 ? '' : readText(cursor, size);
    };
    case 'bytes': return (cursor) => {
      const size = sizeOfText(cursor, 'bytes');
      return size < 0 ? new Uint8Array(0) : readBytes(cursor, size);
    };
    default: return readTime;
  }
}

/** The length of a str or bin, which Go takes for each other; -1 for nil. */
function sizeOfText(cursor: Cursor, wanted: string): number {
  const tag = nextTag(cursor);
  if (tag >= 0xa0 && tag < 0xc0) return tag & 31;
  if (tag >= 0xd9 && tag <= 0xdb) return readSize(cursor, tag - 0xd9);
  if (tag >= 0xc4 && tag <= 0xc6) return readSize(cursor, tag - 0xc4);
  if (tag === 0xc0) return -1;
  throw unexpected(cursor, tag, wanted);
}

function readTime(cursor: Cursor): unknown {
  const tag = nextTag(cursor);
  if (tag === 0xc0) return zeroOf({ kind: 'time' });
  const isExtension = (tag >= 0xd4 && tag <= 0xd8) || (tag >= 0xc7 && tag <= 0xc9);
  if (!isExtension) throw unexpected(cursor, tag, 'a timestamp');
  const size = tag >= 0xd4 ? 1 << (tag - 0xd4) : readSize(cursor, tag - 0xc7);
  const type = cursor.view.getInt8(take(cursor, 1));
  const value = extensionAt(cursor, type, take(cursor, size), size);
  if (!(value instanceof Date)) throw unreadable(`extension type ${type} is no timestamp`);
  return value;
}

function arrayReader(kind: ArrayKind): Read {
  const read = readerOf(kind.element);
  return (cursor) => {
    const tag = nextTag(cursor);
    if (tag === 0xc0) return [];
    const count = countOfArray(cursor, tag);
    if (count < 0) throw unexpected(cursor, tag, 'an array');
    enter(cursor);
    const array: unknown[] = [];
    for (let index = 0; index < count; index++) array.push(read(cursor));
    cursor.depth--;
    return array;
  };
}

function mapReader(kind: MapKind): Read {
  const read = readerOf(kind.value);
  const { key: keyKind } = kind;
  return (cursor) => {
    const tag = nextTag(cursor);
    if (tag === 0xc0) return zeroOf(kind);
    const count = countOfMap(cursor, tag);
    if (count < 0) throw unexpected(cursor, tag, 'a map');
    enter(cursor);
    const entries = keyKind === undefined ? readRecord(cursor, count, read) : readMapObject(cursor, count, [keyKind, read]);
    cursor.depth--;
    return entries;
  };
}

function readRecord(cursor: Cursor, count: number, read: Read): unknown {
  const record: Record<string, unknown> = {};
  for (let index = 0; index < count; index++) {
    const key = readKey(cursor);
    setOwn(record, key, read(cursor));
  }
  return record;
}

function readMapObject(cursor: Cursor, count: number, [keyKind, read]: readonly [IntegerKind, Read]): unknown {
  const entries = new Map<unknown, unknown>();
  for (let index = 0; index < count; index++) {
    const key = readInteger(cursor, keyKind);
    entries.set(key, read(cursor));
  }
  return entries;
}
