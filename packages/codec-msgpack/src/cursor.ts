import { unreadable } from './bad-payload.ts';
import type { ResolvedMsgpackOptions } from './msgpack-options.ts';

/** What knows the maps that come at one place of one method's messages. */
export interface MapReader {
  readMap(cursor: Cursor, count: number): unknown;
  /** The reader of maps below this one, by the number of the key. */
  child(key: number): MapReader | undefined;
}

/** A place in the payload that is being read. */
export class Cursor {
  bytes: Uint8Array = empty;
  view: DataView = emptyView;
  /** Where the payload begins in `bytes`: texts count from there. */
  start = 0;
  offset = 0;
  end = 0;
  depth = 0;
  options: ResolvedMsgpackOptions;

  constructor(options: ResolvedMsgpackOptions) {
    this.options = options;
  }
}

const empty = new Uint8Array(0);
const emptyView = new DataView(empty.buffer);
// Views of larger memory are not kept, so that a message that was large once is not held for ever.
const keptBytes = 512 * 1024;
let lastSource: Uint8Array = empty;
let lastView: DataView = emptyView;
let olderSource: Uint8Array = empty;
let olderView: DataView = emptyView;

/** A view of the same bytes. A connection reads into the same memory again and again, so the last two are remembered. */
function viewOf(source: Uint8Array): DataView {
  if (source === lastSource) return lastView;
  const view = source === olderSource ? olderView : new DataView(source.buffer, source.byteOffset, source.byteLength);
  if (source.byteLength > keptBytes) return view;
  olderSource = lastSource;
  olderView = lastView;
  lastSource = source;
  lastView = view;
  return view;
}

let idle: Cursor | undefined;

/** Lends the cursor to one `decode`; one that runs inside another (from an extension) gets its own. */
export function takeCursor(options: ResolvedMsgpackOptions, source: Uint8Array, span: readonly [number, number]): Cursor {
  const cursor = idle ?? new Cursor(options);
  idle = undefined;
  cursor.options = options;
  cursor.bytes = source;
  cursor.view = viewOf(source);
  cursor.start = span[0];
  cursor.offset = span[0];
  cursor.end = span[1];
  cursor.depth = 0;
  return cursor;
}

export function releaseCursor(cursor: Cursor): void {
  cursor.bytes = empty;
  cursor.view = emptyView;
  idle = cursor;
}

/** The byte of the payload that is read next, or `back` before it, for texts. */
export function placeOf(cursor: Cursor, back = 0): number {
  return cursor.offset - back - cursor.start;
}

export function truncated(cursor: Cursor, needed: number): Error {
  return unreadable(`${needed} more bytes are needed at byte ${placeOf(cursor)} and ${Math.max(0, cursor.end - cursor.offset)} are left; was it cut off?`);
}

/** Moves over `count` bytes and returns where they began. */
export function take(cursor: Cursor, count: number): number {
  const at = cursor.offset;
  if (at + count > cursor.end) throw truncated(cursor, count);
  cursor.offset = at + count;
  return at;
}

export function enter(cursor: Cursor): void {
  if (++cursor.depth > cursor.options.maxDepth) {
    throw unreadable(`it nests deeper than ${cursor.options.maxDepth} levels; flatten the message or raise maxDepth`);
  }
}
