import type { ByteWriter } from '../src/codec.ts';

/** The plainest writer there is: one array that grows. */
export class ArrayWriter implements ByteWriter {
  bytes: Uint8Array = new Uint8Array(16);
  view: DataView = new DataView(this.bytes.buffer);
  offset = 0;

  reserve(count: number): void {
    if (this.offset + count <= this.bytes.length) return;
    const larger = new Uint8Array((this.offset + count) * 2);
    larger.set(this.bytes.subarray(0, this.offset));
    this.bytes = larger;
    this.view = new DataView(larger.buffer);
  }
  append(bytes: Uint8Array): void {
    this.reserve(bytes.length);
    this.bytes.set(bytes, this.offset);
    this.offset += bytes.length;
  }
  appendUtf8(text: string): void {
    this.append(new TextEncoder().encode(text));
  }
  written(): Uint8Array {
    return this.bytes.slice(0, this.offset);
  }
  text(): string {
    return new TextDecoder().decode(this.written());
  }
}
