import type { ByteWriter } from '@rpcxjs/core';
import type { ResolvedMsgpackOptions } from './msgpack-options.ts';
import { Output } from './output.ts';
import { writeValue } from './write-value.ts';

const deepest = 16;

/** A writer that keeps nothing. */
class Nowhere implements ByteWriter {
  bytes: Uint8Array = new Uint8Array(0);
  view: DataView = new DataView(this.bytes.buffer);
  offset = 0;

  reserve(count: number): void {
    this.offset = 0;
    if (this.bytes.length >= count) return;
    this.bytes = new Uint8Array(count);
    this.view = new DataView(this.bytes.buffer);
  }
  append(): void {}
  appendUtf8(): void {}
}

/** The path to the first part of `value` that cannot be written, as `lines[2].run`; '' for the value itself. Tries its parts one by one, for errors only. */
export function faultPath(value: unknown, options: ResolvedMsgpackOptions): string {
  const writer = new Nowhere();
  let path = '';
  let part = value;
  for (let depth = 0; depth < deepest; depth++) {
    const isArray = Array.isArray(part);
    if (typeof part !== 'object' || part === null || (!isArray && part.constructor !== Object)) return path;
    // `as`: arrays have string keys too.
    const parts = part as Readonly<Record<string, unknown>>;
    const key = Object.keys(parts).find((one) => !isWritable(() => parts[one], writer, options));
    if (key === undefined) return path;
    path += isArray ? `[${key}]` : path === '' ? key : `.${key}`;
    try {
      part = parts[key];
    } catch {
      // A getter that throws is the fault itself.
      return path;
    }
  }
  return path;
}

function isWritable(value: () => unknown, writer: ByteWriter, options: ResolvedMsgpackOptions): boolean {
  try {
    writeValue(new Output(writer, options), value(), undefined, 0);
    return true;
  } catch {
    return false;
  }
}
