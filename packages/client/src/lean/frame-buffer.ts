import { utf8Room, writeUtf8, type ByteWriter, type Metadata } from '@rpcxjs/core';
import { headerBytes, magic, writeMetadata } from '@rpcxjs/protocol';

const firstBytes = 4096;

/** The content of one frame. */
export interface FrameText {
  readonly service: string;
  readonly method: string;
  readonly codecId: number;
  /** Bits of the protocol's `flag`. */
  readonly flags: number;
  readonly sequence: number;
  readonly metadata: Metadata;
  payload(writer: ByteWriter): void;
}

/** The frames that leave at the end of the turn, in one growing buffer. A session's writer keeps several, for more traffic than a page has. */
export class FrameBuffer implements ByteWriter {
  bytes: Uint8Array = new Uint8Array(firstBytes);
  view: DataView = new DataView(this.bytes.buffer);
  offset = 0;
  /** True while a frame is being written: another one has to wait. */
  isOpen = false;

  reserve(count: number): void {
    const least = this.offset + count;
    if (least <= this.bytes.length) return;
    const larger = new Uint8Array(Math.max(least, 2 * this.bytes.length));
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
    this.reserve(utf8Room(text));
    this.offset += writeUtf8(this.bytes, text, this.offset);
  }

  /** Writes a frame. `check` gets its length without the header. Throws what `payload` or `check` throws, having written nothing. */
  frame({ service, method, codecId, flags, sequence, metadata, payload }: FrameText, check?: (bytes: number) => void): void {
    const start = this.offset;
    this.isOpen = true;
    try {
      this.reserve(headerBytes);
      this.bytes.fill(0, start, (this.offset += headerBytes));
      this.bytes[start] = magic;
      this.bytes[start + 2] = flags;
      this.bytes[start + 3] = codecId << 4;
      this.view.setUint32(start + 8, sequence);
      this.#part(() => this.appendUtf8(service));
      this.#part(() => this.appendUtf8(method));
      this.#part(() => writeMetadata(this, metadata));
      this.#part(() => payload(this));
      check?.(this.offset - start - headerBytes);
      this.view.setUint32(start + 12, this.offset - start - headerBytes);
    } catch (error) {
      this.offset = start;
      throw error;
    } finally {
      this.isOpen = false;
    }
  }

  /** Takes out what was written. Writing goes on in another buffer, because the sender may still need this one. */
  take(): Uint8Array {
    const taken = this.bytes.subarray(0, this.offset);
    this.bytes = new Uint8Array(firstBytes);
    this.view = new DataView(this.bytes.buffer);
    this.offset = 0;
    return taken;
  }

  #part(write: () => void): void {
    this.reserve(4);
    const at = this.offset;
    this.offset += 4;
    write();
    this.view.setUint32(at, this.offset - at - 4);
  }
}
