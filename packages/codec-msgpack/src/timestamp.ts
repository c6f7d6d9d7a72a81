import { unreadable, unwritable } from './bad-payload.ts';
import type { Cursor } from './cursor.ts';

/**
 * A `Date` that also keeps nanoseconds. A timestamp with digits below a millisecond is read as one, so that it goes out again as it came in;
 * after a change of the date itself the finer digits no longer count.
 */
export class Timestamp extends Date {
  /** Nanoseconds of the second, 0 to 999 999 999. */
  readonly nanoseconds: number;

  /** `seconds` since 1970, negative before; whole, as are `nanoseconds`. Throws a TypeError beyond what a `Date` can hold. */
  constructor(seconds: number, nanoseconds: number) {
    super(seconds * 1000 + Math.floor(nanoseconds / 1e6));
    const fits = Number.isInteger(seconds) && Number.isInteger(nanoseconds) && nanoseconds >= 0 && nanoseconds < 1e9;
    if (!fits || Number.isNaN(this.getTime())) throw new TypeError(`Timestamp: ${seconds} s and ${nanoseconds} ns are no time; use whole seconds within a Date and 0 to 999999999 ns`);
    this.nanoseconds = nanoseconds;
  }
}

/** The nanoseconds of a date's second. */
export function nanosecondsOf(date: Date): number {
  const milliseconds = date.getTime();
  const ofSecond = milliseconds - Math.floor(milliseconds / 1000) * 1000;
  if (date instanceof Timestamp && Math.floor(date.nanoseconds / 1e6) === ofSecond) return date.nanoseconds;
  return ofSecond * 1e6;
}

/** Reads the timestamp of `size` bytes that stands at `at`; the caller has checked that they are there. */
export function timestampAt(cursor: Cursor, at: number, size: number): Date {
  const { view } = cursor;
  if (size === 4) return new Date(view.getUint32(at) * 1000);
  let seconds: number;
  let nanoseconds: number;
  if (size === 8) {
    const high = view.getUint32(at);
    seconds = (high & 3) * 4294967296 + view.getUint32(at + 4);
    nanoseconds = high >>> 2;
  } else if (size === 12) {
    nanoseconds = view.getUint32(at);
    seconds = view.getInt32(at + 4) * 4294967296 + view.getUint32(at + 8);
  } else throw unreadable(`a timestamp has 4, 8 or 12 bytes, this one ${size}`);
  if (nanoseconds > 999_999_999) throw unreadable(`a timestamp has ${nanoseconds} nanoseconds; there are at most 999999999`);
  // A Date ends 100 million days from 1970, either way.
  if (Math.abs(seconds) > 8.64e12 || seconds * 1000 + nanoseconds / 1e6 > 8.64e15) throw unreadable(`a timestamp of ${seconds} s is beyond what a Date can hold`);
  return nanoseconds % 1e6 === 0 ? new Date(seconds * 1000 + nanoseconds / 1e6) : new Timestamp(seconds, nanoseconds);
}

/** Writes a date at `at`, where 15 bytes are free; returns what follows. The three forms are chosen as vmihailenco/msgpack `time.go` does. */
export function putTimestamp(view: DataView, at: number, date: Date): number {
  const milliseconds = date.getTime();
  if (Number.isNaN(milliseconds)) throw unwritable('a Date is invalid; check how it was made');
  const seconds = Math.floor(milliseconds / 1000);
  const nanoseconds = nanosecondsOf(date);
  const high = Math.floor(seconds / 4294967296);
  if (high === 0 && nanoseconds === 0) {
    view.setUint16(at, 0xd6ff);
    view.setUint32(at + 2, seconds);
    return at + 6;
  }
  if (high >= 0 && high < 4) {
    view.setUint16(at, 0xd7ff);
    view.setUint32(at + 2, nanoseconds * 4 + high);
    view.setUint32(at + 6, seconds >>> 0);
    return at + 10;
  }
  view.setUint16(at, 0xc70c);
  view.setUint8(at + 2, 0xff);
  view.setUint32(at + 3, nanoseconds);
  view.setInt32(at + 7, high);
  view.setUint32(at + 11, seconds - high * 4294967296);
  return at + 15;
}
