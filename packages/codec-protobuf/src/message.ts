import type { DescMessage, MessageInitShape, MessageShape } from '@bufbuild/protobuf';
import { type PayloadCodec, RpcError, type StandardSchema, wire } from '@rpcxjs/core';
import { checkNames } from '@rpcxjs/core/options';
import { missingField } from './check-required.ts';
import { Cursor } from './cursor.ts';
import { messageType } from './compiled-type.ts';
import type { Message } from './message-type.ts';
import { refuseBytes } from './refusal.ts';

/** What `message` puts under `protobuf` in a wire type: how values of one type are encoded and decoded. Anybody may make one. */
export interface ProtobufWire {
  /** Full name of the message, for errors. */
  readonly typeName: string;
  /** Asked once for each method. */
  compile(): PayloadCodec;
}

/** A schema for contracts that the protobuf codec can write. `Init` is what may be given, `Shape` what arrives. */
export interface ProtobufType<Init, Shape = Init> extends StandardSchema<Init, Shape> {
  readonly [wire]: { readonly protobuf: ProtobufWire };
}

export interface MessageOptions {
  /**
   * Fields that the descriptor does not have are kept in `$unknown` and sent on with the message, as by `@bufbuild/protobuf`. Without, they are
   * passed over: less memory for who neither forwards nor stores what it receives. @default true
   */
  readonly keepUnknown?: boolean | undefined;
}
export const messageDefaults: { readonly keepUnknown: boolean } = { keepUnknown: true };

/**
 * The wire type of a message that `protoc-gen-es` generated. Messages arrive exactly as `create` of `@bufbuild/protobuf` makes them; to send,
 * a plain object with the fields that matter will do. A message without any field set is zero bytes, which a Go client does not decode at all:
 * the reply it was given keeps its content. Throws TypeError for something that is not the schema of a message.
 */
export function message<S extends DescMessage>(schema: S, options: MessageOptions = {}): ProtobufType<MessageInitShape<S>, MessageShape<S>> {
  // In a program without types it may be anything.
  if ((schema as Partial<DescMessage> | undefined | null)?.kind !== 'message') throw new TypeError(`message() takes the schema of a message, for example TimestampSchema, not ${shown(schema)}`);
  checkNames('message', options, messageDefaults);
  const { typeName } = schema;
  const keepUnknown = options.keepUnknown ?? messageDefaults.keepUnknown;
  return protobufType({ typeName, compile: () => descriptorCodec(schema, true, keepUnknown) }, (value) => {
    if (typeof value !== 'object' || value === null) return `expected a ${typeName}, not ${value === null ? 'null' : typeof value}`;
    const given = (value as Message)['$typeName']; // any object can be asked for its properties
    return given === undefined || given === typeName ? undefined : `expected a ${typeName}, not a ${String(given)}`;
  });
}

/** Says what was given where a type belongs: often a message, instead of its schema. */
export function shown(given: unknown): string {
  const typeName = (given as Partial<Message> | undefined | null)?.['$typeName']; // any value but these two can be asked
  return typeof typeName === 'string' ? `a ${typeName}` : `a value of the type ${typeof given}`;
}

/** A wire type of any origin. `check` returns what is wrong with a value. */
export function protobufType<Init, Shape = Init>(protobuf: ProtobufWire, check: (value: unknown) => string | undefined): ProtobufType<Init, Shape> {
  return {
    '~standard': {
      version: 1,
      vendor: 'rpcxjs',
      validate: (value) => {
        const wrong = check(value);
        // What passed the check is of the type that the schema stands for.
        return wrong === undefined ? { value: value as Shape } : { issues: [{ message: wrong }] };
      },
    },
    [wire]: { protobuf },
  };
}

/** Reader and writer of one descriptor. `generated`: as generated code where that is allowed. */
export function descriptorCodec(schema: DescMessage, generated: boolean, keepUnknown: boolean = messageDefaults.keepUnknown): PayloadCodec {
  const type = messageType(schema, generated);
  const self = { label: type.typeName };
  return {
    encode(value, writer) {
      try {
        type.write(value, writer, 1, self);
      } catch (cause) {
        throw asBadPayload(cause, type.typeName);
      }
    },
    decode(source, start, end) {
      const cursor = new Cursor(source, start, end, type.typeName);
      cursor.keepsUnknown = keepUnknown;
      const decoded = type.read(cursor, 1);
      if (cursor.incomplete) {
        const missing = missingField(type, decoded, (element) => messageType(element.message as DescMessage, generated)); // only asked for messages
        if (missing !== undefined) refuseBytes(type.typeName, `the required field ${missing} is missing`);
      }
      return decoded;
    },
  };
}

/** The value's own code runs while it is read: a getter that throws, or one that never ends. */
export function asBadPayload(cause: unknown, typeName: string): RpcError {
  if (RpcError.is(cause) && cause.reason === 'BAD_PAYLOAD') return cause;
  const text = cause instanceof Error ? cause.message : 'a getter threw';
  return new RpcError('invalid_argument', `cannot encode ${typeName}: ${text}; give plain values`, { reason: 'BAD_PAYLOAD', sent: false, cause });
}
