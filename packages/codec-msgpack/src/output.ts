import type { ByteWriter } from '@rpcxjs/core';
import { unwritable } from './bad-payload.ts';
import type { ResolvedMsgpackOptions } from './msgpack-options.ts';

/** What knows the objects that stand at one place of one method's messages. */
export interface MapWriter {
  writeMap(output: Output, object: Readonly<Record<string, unknown>>): void;
  /** The writer of objects below this one, by the number of the key. */
  child(key: number): MapWriter | undefined;
}

/** The payload that is being written. */
export class Output {
  writer: ByteWriter;
  depth = 0;
  options: ResolvedMsgpackOptions;

  constructor(writer: ByteWriter, options: ResolvedMsgpackOptions) {
    this.writer = writer;
    this.options = options;
  }
}

let idle: Output | undefined;

/** Lends the output to one `encode`; one that runs inside another (from a getter) gets its own. */
export function takeOutput(writer: ByteWriter, options: ResolvedMsgpackOptions): Output {
  const output = idle;
  if (output === undefined) return new Output(writer, options);
  idle = undefined;
  output.writer = writer;
  output.options = options;
  output.depth = 0;
  return output;
}

export function releaseOutput(output: Output): void {
  output.writer = nowhere;
  idle = output;
}

export function descend(output: Output): void {
  if (++output.depth > output.options.maxDepth) {
    throw unwritable(`it nests deeper than ${output.options.maxDepth} levels; does it contain itself?`);
  }
}

const nowhere: ByteWriter = {
  bytes: new Uint8Array(0),
  view: new DataView(new ArrayBuffer(0)),
  offset: 0,
  reserve() {},
  append() {},
  appendUtf8() {},
};
