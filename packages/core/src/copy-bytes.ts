import { buffers } from './utf8.ts';

// Small copies share a slab: an allocation of its own costs three times as much as the copy.
const slabBytes = 16 * 1024;
const largestPooled = 2 * 1024;
let slab: Uint8Array<ArrayBuffer> = new Uint8Array(0);
let used = 0;

/** Bytes with unspecified content, for those who write before they read: zeroing a megabyte costs more than receiving it. */
export function allocate(count: number): Uint8Array {
  if (buffers === undefined) return new Uint8Array(count);
  // A plain array, because views of Node's own subclass cost twice as much.
  const { buffer, byteOffset } = buffers.allocUnsafeSlow(count);
  return new Uint8Array(buffer, byteOffset, count);
}

/** A copy that nobody else writes to, of `source[start, end)`; small ones share memory with other copies. */
export function copyBytes(source: Uint8Array, start = 0, end: number = source.length): Uint8Array {
  const count = end - start;
  // The engine keeps arrays as short as these in its own heap, without a buffer. A Buffer's own slice would share.
  if (count <= 64 && source.constructor === Uint8Array) return source.slice(start, end);
  const part = start === 0 && end === source.length ? source : source.subarray(start, end);
  if (count <= 64) return new Uint8Array(part);
  if (count > largestPooled) {
    const copy = allocate(count);
    copy.set(part);
    return copy;
  }
  if (used + count > slab.length) {
    slab = new Uint8Array(slabBytes);
    used = 0;
  }
  slab.set(part, used);
  const copy = new Uint8Array(slab.buffer, used, count);
  // Eight-byte steps keep a float view of a copy possible.
  used += (count + 7) & ~7;
  return copy;
}
