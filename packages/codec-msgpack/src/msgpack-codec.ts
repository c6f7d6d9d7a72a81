import { type ByteWriter, type Codec, type PayloadCodec, RpcError } from '@rpcxjs/core';
import { textOf, unreadable, unwritable, unwritableAt } from './bad-payload.ts';
import { check } from './check-value.ts';
import { type Cursor, placeOf, releaseCursor, takeCursor } from './cursor.ts';
import { faultPath } from './fault-path.ts';
import type { Kind } from './kind.ts';
import { LearnedReader } from './learned-reader.ts';
import { LearnedWriter } from './learned-writer.ts';
import { LearningBudget } from './learning-budget.ts';
import { type MsgpackOptions, type ResolvedMsgpackOptions, resolveMsgpackOptions } from './msgpack-options.ts';
import { type Output, releaseOutput, takeOutput } from './output.ts';
import { readValue } from './read-value.ts';
import { readerOf } from './typed-reader.ts';
import { writerOf } from './typed-writer.ts';
import { kindOf } from './wire-kind.ts';
import { misfit, type Write } from './write-exact.ts';
import { writeValue } from './write-value.ts';

/** rpcx's serialize type of MessagePack (protocol/message.go `MsgPack`). */
const msgpackType = 3;

/**
 * A MessagePack codec with options of its own; `msgpack` is the one without. Whole numbers are written as integers and never as floats, because
 * Go refuses a float in an integer field. Its errors are `RpcError` with reason BAD_PAYLOAD.
 */
export function msgpackCodec(options: MsgpackOptions = {}): Codec {
  const resolved = resolveMsgpackOptions(options);
  const { encode, decode } = pair(resolved, (cursor) => readValue(cursor, undefined, 0), (output, value) => { writeValue(output, value, undefined, 0); });
  return {
    id: msgpackType,
    name: 'msgpack',
    encode,
    decode,
    compile(wireType: unknown): PayloadCodec | undefined {
      const kind = kindOf(wireType);
      if (kind !== undefined) return typed(resolved, kind);
      return wireType === undefined && resolved.learn ? learning(resolved) : undefined;
    },
  };
}

/** A pair for one method, which learns the shapes of its messages. Costs nothing until the method is used: servers register thousands. */
function learning(options: ResolvedMsgpackOptions): PayloadCodec {
  let budget: LearningBudget | undefined;
  let maps: LearnedReader | undefined;
  let objects: LearnedWriter | undefined;
  return pair(
    options,
    (cursor) => readValue(cursor, (maps ??= new LearnedReader((budget ??= new LearningBudget()), options.int64 !== 'bigint')), 0),
    (output, value) => { writeValue(output, value, (objects ??= new LearnedWriter((budget ??= new LearningBudget()))), 0); },
  );
}

/** A pair for a wire type: exact, or an error that names the field. It too is made at its first use. */
function typed(options: ResolvedMsgpackOptions, kind: Kind): PayloadCodec {
  let read: ((cursor: Cursor) => unknown) | undefined;
  let write: Write | undefined;
  const { encode, decode } = pair(
    // The type says how each integer is read.
    { ...options, int64: 'auto' },
    (cursor) => (read ??= readerOf(kind))(cursor),
    (output, value) => { (write ??= writerOf(kind))(output, value); },
  );
  return {
    decode,
    encode(value: unknown, writer: ByteWriter): void {
      try {
        encode(value, writer);
      } catch (cause) {
        throw explained(kind, value, cause);
      }
    },
  };
}

/** Says which field is at fault; what was thrown, when none is. */
function explained(kind: Kind, value: unknown, cause: unknown): unknown {
  try {
    const issue = check(kind, value, '');
    return issue === undefined ? cause : unwritable(issue);
  } catch {
    return cause;
  }
}

/** The error of a value that was refused, with the path to its fault. A wire type finds that itself. */
function refusal(value: unknown, cause: unknown, options: ResolvedMsgpackOptions): RpcError {
  if (cause === misfit) return unwritableAt('', cause);
  try {
    return unwritableAt(faultPath(value, options), cause);
  } catch {
    // A value that throws when it is looked at again.
    return unwritableAt('', cause);
  }
}

function pair(options: ResolvedMsgpackOptions, read: (cursor: Cursor) => unknown, write: (output: Output, value: unknown) => void): PayloadCodec {
  return {
    encode(value: unknown, writer: ByteWriter): void {
      const output = takeOutput(writer, options);
      try {
        write(output, value);
      } catch (cause) {
        throw refusal(value, cause, options);
      } finally {
        releaseOutput(output);
      }
    },
    decode(source: Uint8Array, start: number, end: number): unknown {
      // No value and an empty payload are the same to rpcx.
      if (start === end) return undefined;
      const cursor = takeCursor(options, source, [start, end]);
      try {
        const value = read(cursor);
        if (cursor.offset !== end) throw unreadable(`${end - cursor.offset} bytes follow its end at byte ${placeOf(cursor)}`);
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
