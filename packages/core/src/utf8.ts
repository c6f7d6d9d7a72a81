interface BufferHost {
  readonly Buffer?: { readonly prototype: { readonly utf8Slice?: (this: Uint8Array, start: number, end: number) => string } };
}
// Node's own reader works on any Uint8Array, in place and without a view; elsewhere TextDecoder does.
const utf8Slice = (globalThis as BufferHost).Buffer?.prototype.utf8Slice;
const decoder = new TextDecoder('utf-8', { ignoreBOM: true });
const encoder = new TextEncoder();

/** Text of `source[start, end)`; malformed UTF-8 becomes U+FFFD, as in Go. */
export function readUtf8(source: Uint8Array, start: number, end: number): string {
  return utf8Slice === undefined ? decoder.decode(source.subarray(start, end)) : utf8Slice.call(source, start, end);
}

export function utf8Bytes(text: string): Uint8Array {
  return encoder.encode(text);
}
