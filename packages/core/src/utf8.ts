interface NodeBytes {
  utf8Slice(this: Uint8Array, start: number, end: number): string;
  utf8Write(this: Uint8Array, text: string, offset: number, length: number): number;
}
interface BufferHost {
  readonly Buffer?: { readonly prototype: Partial<NodeBytes>; byteLength(text: string): number; allocUnsafeSlow(count: number): Uint8Array };
}
// Node's own reader and writer work on any Uint8Array, in place and without a view; elsewhere TextDecoder and TextEncoder do.
export const buffers: BufferHost['Buffer'] = (globalThis as BufferHost).Buffer;
const { utf8Slice, utf8Write }: Partial<NodeBytes> = buffers?.prototype ?? {};
const decoder = new TextDecoder('utf-8', { ignoreBOM: true });
const encoder = new TextEncoder();

/** Text of `source[start, end)`; malformed UTF-8 becomes U+FFFD, as in Go. */
export function readUtf8(source: Uint8Array, start: number, end: number): string {
  return utf8Slice === undefined ? decoder.decode(source.subarray(start, end)) : utf8Slice.call(source, start, end);
}

/** Writes `text` into `target` from `offset` on, where `utf8Room` bytes must be free; returns how many it took. A lone surrogate becomes U+FFFD. */
export function writeUtf8(target: Uint8Array, text: string, offset: number): number {
  return utf8Write === undefined ? encoder.encodeInto(text, target.subarray(offset)).written : utf8Write.call(target, text, offset, target.length - offset);
}

/** Bytes that are enough for `text`: three a unit where counting is cheap or impossible, the exact number for a long text on Node. */
export function utf8Room(text: string): number {
  return buffers === undefined || text.length < 1024 ? text.length * 3 : buffers.byteLength(text);
}

export function utf8Bytes(text: string): Uint8Array {
  return encoder.encode(text);
}
