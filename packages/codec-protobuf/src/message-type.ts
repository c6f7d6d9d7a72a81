import type { ByteWriter } from '@rpcxjs/core';
import type { Cursor } from './cursor.ts';
import type { Element, Plan } from './field.ts';

/** A message of protobuf-es: its fields as properties, `$typeName`, and what was not known in `$unknown`. */
export type Message = Record<string, unknown>;

/** Reads one value, whose tag has been read, into its field. */
export type FieldReader = (cursor: Cursor, message: Message, depth: number) => void;
export type FieldWriter = (message: Message, writer: ByteWriter, depth: number) => void;

/** One message type, as those that read and write its fields see it: a field may be of the type that it is in. */
export interface MessageType {
  readonly plan: Plan;
  readonly typeName: string;
  /** A message without any field set, as protobuf-es creates it. */
  readonly make: () => Message;
  /** By the tags that they take. */
  readonly table: ReadonlyMap<number, FieldReader>;
  /** In the order of the fields. */
  readonly writers: readonly FieldWriter[];
  /** Reads `cursor` to its end. */
  read(cursor: Cursor, depth: number): Message;
  /** Reads into a message that is there already; `group` is the number of the group it ends with, 0 for none. */
  merge(cursor: Cursor, message: Message, depth: number, group: number): void;
  write(value: unknown, writer: ByteWriter, depth: number, field: { readonly label: string }): void;
}

/** The type of a field that holds messages. */
export type TypeOf = (element: Element) => MessageType;
