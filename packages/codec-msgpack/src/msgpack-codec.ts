import { type ByteWriter, type Codec, type PayloadCodec, RpcError } from '@rpcxjs/core';
import { textOf, unreadable, unwritable } from './bad-payload.ts';
import { LearnedReader } from './learned-reader.ts';
import { LearnedWriter } from './learned-writer.ts';
import { LearningBudget } from './learning-budget.ts';
import { type MapReader, releaseCursor, takeCursor } from './cursor.ts';
import { type MsgpackOptions, type ResolvedMsgpackOptions, resolveMsgpackOptions } from './msgpack-options.ts';
import { type MapWriter, releaseOutput, takeOutput } from './output.ts';
import { readValue } from './read-value.ts';
import { writeValue } from './write-value.ts';

/** rpcx's serialize type of MessagePack (protocol/message.go `MsgPack`). */
const msgpackType = 3;

/**
 * A MessagePack codec with options of its own; `msgpack` is the one without. Whole numbers are written as integers and never as floats, because
 * Go refuses a float in an integer field. Its errors are `RpcError` with reason BAD_PAYLOAD.
 */
export function msgpackCodec(options: MsgpackOptions = {}): Codec {
  const resolved = resolveMsgpackOptions(options);
  const { encode, decode } = generic(resolved, undefined, undefined);
  return {
    id: msgpackType,
    name: 'msgpack',
    encode,
    decode,
    compile(): PayloadCodec | undefined {
      return resolved.learn ? learning(resolved) : undefined;
    },
  };
}

/** A pair for one method, which learns the shapes of its messages. */
function learning(options: ResolvedMsgpackOptions): PayloadCodec {
  const budget = new LearningBudget();
  return generic(options, new LearnedReader(budget, options.int64 !== 'bigint'), new LearnedWriter(budget));
}

function generic(options: ResolvedMsgpackOptions, maps: MapReader | undefined, objects: MapWriter | undefined): PayloadCodec {
  return {
    encode(value: unknown, writer: ByteWriter): void {
      const output = takeOutput(writer, options);
      try {
        writeValue(output, value, objects, 0);
      } catch (cause) {
        throw RpcError.is(cause) && cause.reason === 'BAD_PAYLOAD' ? cause : unwritable(textOf(cause), cause);
      } finally {
        releaseOutput(output);
      }
    },
    decode(source: Uint8Array, start: number, end: number): unknown {
      // No value and an empty payload are the same to rpcx.
      if (start === end) return undefined;
      const cursor = takeCursor(options, source, [start, end]);
      try {
        const value = readValue(cursor, maps, 0);
        if (cursor.offset !== end) throw unreadable(`${end - cursor.offset} bytes follow its end at byte ${cursor.offset - start}`);
        return value;
      } catch (cause) {
        throw RpcError.is(cause) && cause.reason === 'BAD_PAYLOAD' ? cause : unreadable(textOf(cause), cause);
      } finally {
        releaseCursor(cursor);
      }
    },
  };
}

/** MessagePack as Go rpcx speaks it, rpcx's default codec (3). */
export const msgpack: Codec = msgpackCodec();
