interface BufferHost {
  readonly Buffer?: { allocUnsafeSlow(count: number): Uint8Array };
}
const buffers = (globalThis as BufferHost).Buffer;

/** Bytes with unspecified content, for those who write before they read: zeroing a megabyte costs more than receiving it. */
export function allocate(count: number): Uint8Array {
  return buffers === undefined ? new Uint8Array(count) : buffers.allocUnsafeSlow(count);
}

/** A copy in memory of its own, also of a Node Buffer, whose `slice` would share. */
export function copyBytes(source: Uint8Array, start = 0, end: number = source.length): Uint8Array {
  const copy = allocate(end - start);
  copy.set(start === 0 && end === source.length ? source : source.subarray(start, end));
  return copy;
}
