import { type PayloadCodec, RpcError } from '@rpcxjs/core';
import { type ProtobufType, asBadPayload, protobufType, shown } from './message.ts';

/** A message type of protobufjs: a reflected `Type` or a class of its static code. */
export interface ProtobufjsType<Message extends object = object> {
  readonly name: string;
  encode(message: Message): { finish(): Uint8Array };
  decode(bytes: Uint8Array): Message;
  /** What is wrong with a value, or null. */
  verify(value: { [key: string]: unknown }): string | null;
}

/** The wire type of a message of `protobufjs`, read and written by its own code: integers outside their range are not noticed by it. Throws TypeError for what is none. */
export function protobufjsMessage<Message extends object>(type: ProtobufjsType<Message>): ProtobufType<Message> {
  // In a program without types it may be anything.
  const given = type as unknown as Readonly<Record<string, unknown>> | undefined | null;
  if (['encode', 'decode', 'verify'].some((name) => typeof given?.[name] !== 'function')) throw new TypeError(`protobufjsMessage() takes a Type or a static class of protobufjs, with encode, decode and verify, not ${shown(type)}`);
  const typeName = fullName(type);
  const check = (value: unknown): string | undefined => {
    if (typeof value !== 'object' || value === null) return `expected a ${typeName}, not ${value === null ? 'null' : typeof value}`;
    return type.verify(value as Record<string, unknown>) ?? undefined; // any object can be asked for its properties
  };
  return protobufType({ typeName, compile: () => protobufjsCodec(type, typeName, check) }, check);
}

function protobufjsCodec<Message extends object>(type: ProtobufjsType<Message>, typeName: string, check: (value: unknown) => string | undefined): PayloadCodec {
  return {
    encode(value, writer) {
      try {
        const wrong = check(value);
        if (wrong !== undefined) throw new TypeError(wrong);
        writer.append(type.encode(value as Message).finish()); // verified
      } catch (cause) {
        throw asBadPayload(cause, typeName);
      }
    },
    decode(source, start, end) {
      // Its reader hands out views, and this buffer is reused; a Uint8Array also keeps it from its Buffer-only ways.
      const copy = new Uint8Array(end - start);
      copy.set(source.subarray(start, end));
      try {
        return type.decode(copy);
      } catch (cause) {
        const text = cause instanceof Error ? cause.message : String(cause);
        throw new RpcError('invalid_argument', `cannot decode ${typeName}: ${text}; check that both sides use the same .proto`, { reason: 'BAD_PAYLOAD', cause });
      }
    },
  };
}

function fullName(type: { readonly name: string }): string {
  const reflected = (type as { fullName?: unknown }).fullName; // only a reflected type has one, with a dot in front
  return typeof reflected === 'string' ? reflected.replace(/^\./, '') : type.name;
}
