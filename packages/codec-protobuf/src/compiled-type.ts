import type { ByteWriter } from '@rpcxjs/core';
import type { DescMessage } from '@bufbuild/protobuf';
import { canGenerate } from './code-generation.ts';
import { type Cursor, deepest } from './cursor.ts';
import { type Element, type Plan, planOf } from './field.ts';
import { generateReader } from './generate-reader.ts';
import { generateWriter } from './generate-writer.ts';
import { makerOf } from './message-maker.ts';
import type { FieldReader, FieldWriter, Message, MessageType } from './message-type.ts';
import { readMessage, readerTable } from './read-message.ts';
import { refuseAs, refuseValue } from './refusal.ts';
import { fieldWriters, writeUnknown } from './write-message.ts';

// Longer functions than these fields make are not optimized by V8.
const mostGenerated = 200;

/** A message type, ready to be read and written; made once for each descriptor. */
export class CompiledType implements MessageType {
  readonly plan: Plan;
  readonly typeName: string;
  readonly make: () => Message;
  readonly #wanted: boolean;
  readonly #generated: boolean;
  #table: ReadonlyMap<number, FieldReader> | undefined;
  #writers: readonly FieldWriter[] | undefined;
  #read: ((cursor: Cursor, depth: number) => Message) | undefined;
  #write: ((message: Message, writer: ByteWriter, depth: number) => void) | undefined;

  constructor(plan: Plan, generated: boolean) {
    this.plan = plan;
    this.typeName = plan.typeName;
    this.#wanted = generated;
    this.#generated = generated && plan.fields.length <= mostGenerated && canGenerate();
    this.make = makerOf(plan, this.#generated);
  }

  read(cursor: Cursor, depth: number): Message {
    if (depth > deepest) cursor.refuseDepth();
    return (this.#read ??= this.#makeRead())(cursor, depth);
  }

  merge(cursor: Cursor, message: Message, depth: number, group: number): void {
    if (depth > deepest) cursor.refuseDepth();
    readMessage(this, cursor, message, { depth, group });
  }

  write(value: unknown, writer: ByteWriter, depth: number, field: { readonly label: string }): void {
    if (typeof value !== 'object' || value === null) refuseValue(field.label, `a ${this.typeName}`, value);
    if (depth > deepest) refuseAs(field.label, `messages nested up to ${deepest} levels`, 'a deeper one');
    const message = value as Message; // any object can be asked for its properties
    const { $typeName } = message;
    if ($typeName !== this.typeName && $typeName !== undefined) refuseValue(field.label, `a ${this.typeName}`, $typeName);
    (this.#write ??= this.#makeWrite())(message, writer, depth);
    if (message['$unknown'] !== undefined) writeUnknown(message['$unknown'], writer, this);
  }

  get table(): ReadonlyMap<number, FieldReader> {
    return (this.#table ??= readerTable(this.plan, this.#typeOf));
  }

  get writers(): readonly FieldWriter[] {
    return (this.#writers ??= fieldWriters(this.plan, this.#typeOf));
  }

  // A type may hold itself, so types are looked up when first used.
  readonly #typeOf = (element: Element): MessageType => messageType(element.message as DescMessage, this.#wanted); // only asked for messages

  #makeRead(): (cursor: Cursor, depth: number) => Message {
    if (this.#generated) return generateReader(this, this.#typeOf);
    return (cursor, depth) => {
      const message = this.make();
      readMessage(this, cursor, message, { depth, group: 0 });
      return message;
    };
  }

  #makeWrite(): (message: Message, writer: ByteWriter, depth: number) => void {
    if (this.#generated) return generateWriter(this, this.#typeOf);
    const { writers } = this;
    return (message, writer, depth) => {
      for (const write of writers) write(message, writer, depth);
    };
  }
}

const generatedTypes = new WeakMap<DescMessage, CompiledType>();
const closedTypes = new WeakMap<DescMessage, CompiledType>();

/** `generated`: with code generation, where it is allowed. */
export function messageType(desc: DescMessage, generated: boolean): MessageType {
  const types = generated ? generatedTypes : closedTypes;
  let type = types.get(desc);
  if (type === undefined) {
    type = new CompiledType(planOf(desc), generated);
    types.set(desc, type);
  }
  return type;
}
