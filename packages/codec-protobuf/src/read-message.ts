import type { Cursor } from './cursor.ts';
import { type Element, type Field, type Plan, elementWire } from './field.ts';
import type { FieldReader, Message, MessageType, TypeOf } from './message-type.ts';
import { setOwn } from './own-property.ts';
import { endGroupWire, isLong, lengthWire, type Scalar, wireOf, zeroOf } from './scalar.ts';

type ValueReader = (cursor: Cursor, depth: number, before: unknown) => unknown;

/** Fields in any order until the end, or until the group ends. What no reader takes is kept as it came. */
export function readMessage(type: MessageType, cursor: Cursor, message: Message, { depth, group }: { depth: number; group: number }): void {
  const { table } = type;
  for (;;) {
    if (cursor.pos >= cursor.end) {
      if (group !== 0) cursor.refuseEnd();
      break;
    }
    const start = cursor.pos;
    const tag = cursor.tag();
    if ((tag & 7) === endGroupWire) {
      if (group === 0 || tag >>> 3 !== group) cursor.refuse(`group ${tag >>> 3} ends that never began`, start);
      break;
    }
    const read = table.get(tag);
    if (read === undefined) keepUnknown(cursor, message, tag, depth);
    else read(cursor, message, depth);
  }
  if (lacksRequired(type.plan, message)) cursor.incomplete = true;
}

export function lacksRequired({ required }: Plan, message: Message): boolean {
  return required.some((field) => !Object.hasOwn(message, field.name));
}

function keepUnknown(cursor: Cursor, message: Message, tag: number, depth: number): void {
  const start = cursor.pos;
  cursor.skip(tag, depth);
  if (cursor.keepsUnknown) addUnknown(message, tag, cursor.copy(start, cursor.pos));
}

function addUnknown(message: Message, tag: number, data: Uint8Array): void {
  const entry = { no: tag >>> 3, wireType: tag & 7, data };
  const { $unknown } = message;
  if (Array.isArray($unknown)) $unknown.push(entry);
  else message['$unknown'] = [entry];
}

/** The readers of a type by the tags they take; a list takes two, packed or not. */
export function readerTable(plan: Plan, typeOf: TypeOf): ReadonlyMap<number, FieldReader> {
  const table = new Map<number, FieldReader>();
  for (const field of plan.fields) {
    if (field.kind === 'map') {
      table.set(field.tag, mapReader(field, typeOf));
      continue;
    }
    const tag = ((field.number << 3) | elementWire(field)) >>> 0;
    if (field.kind === 'single') {
      table.set(tag, singleReader(field, typeOf));
      continue;
    }
    const value = valueReader(field, field.number, typeOf);
    table.set(tag, (cursor, message, depth) => {
      (message[field.name] as unknown[]).push(value(cursor, depth, undefined)); // made by the maker
    });
    if (field.scalar !== undefined && wireOf(field.scalar) !== lengthWire) table.set(((field.number << 3) | lengthWire) >>> 0, packedReader(field, value));
  }
  return table;
}

function packedReader(field: Field, value: ValueReader): FieldReader {
  return (cursor, message, depth) => {
    const list = message[field.name] as unknown[]; // made by the maker
    const end = cursor.lengthEnd();
    const outer = cursor.end;
    cursor.end = end;
    while (cursor.pos < end) list.push(value(cursor, depth, undefined));
    cursor.end = outer;
  };
}

function singleReader(field: Field, typeOf: TypeOf): FieldReader {
  const value = valueReader(field, field.number, typeOf);
  const { name, oneof, closed } = field;
  if (closed !== undefined) return closedEnumReader(field, closed);
  if (oneof === undefined) {
    return (cursor, message, depth) => {
      // Only a message looks at what was there before: a second one is merged into it.
      message[name] = value(cursor, depth, field.message === undefined ? undefined : message[name]);
    };
  }
  return (cursor, message, depth) => {
    const before = message[oneof] as { case?: string; value?: unknown }; // made by the maker
    message[oneof] = { case: name, value: value(cursor, depth, before.case === name ? before.value : undefined) };
  };
}

function closedEnumReader(field: Field, closed: ReadonlySet<number>): FieldReader {
  return (cursor, message) => {
    const start = cursor.pos;
    const number = cursor.int32();
    if (!closed.has(number)) {
      if (cursor.keepsUnknown) addUnknown(message, field.tag, cursor.copy(start, cursor.pos));
    } else if (field.oneof === undefined) message[field.name] = number;
    else message[field.oneof] = { case: field.name, value: number };
  };
}

function mapReader(field: Field, typeOf: TypeOf): FieldReader {
  const keyScalar = field.mapKey as Scalar; // a map has one
  const readKey = scalarReader(keyScalar, field);
  const keyTag = 8 | wireOf(keyScalar);
  const readValue = valueReader(field, 2, typeOf);
  const valueTag = 16 | elementWire(field);
  return (cursor, message, depth) => {
    let key: unknown;
    let value: unknown;
    const outer = cursor.end;
    cursor.end = cursor.lengthEnd();
    while (cursor.pos < cursor.end) {
      const tag = cursor.tag();
      if (tag === keyTag) key = readKey(cursor);
      else if (tag === valueTag) value = readValue(cursor, depth, value);
      else cursor.skip(tag, depth);
    }
    cursor.end = outer;
    key ??= zeroOf(keyScalar, false);
    value ??= field.message === undefined ? freshZero(field) : local(field, emptyMessage(typeOf(field), cursor));
    setOwn(message[field.name] as Message, String(key), value); // made by the maker
  };
}

/** An entry without a value holds an empty message, which may lack what it requires. */
function emptyMessage(type: MessageType, cursor: Cursor): Message {
  if (type.plan.required.length > 0) cursor.incomplete = true;
  return type.make();
}

function freshZero(field: Field): unknown {
  return field.scalar === 'bytes' ? new Uint8Array(0) : field.zero;
}

function local(element: Element, message: Message): unknown {
  return element.local === undefined ? message : element.local.toLocal(message);
}

function valueReader(element: Element, number: number, typeOf: TypeOf): ValueReader {
  if (element.scalar !== undefined) return scalarReader(element.scalar, element);
  return (cursor, depth, before) => {
    const type = typeOf(element);
    const merge = element.local?.merge;
    if (before !== undefined && merge !== undefined) return merge(before, readChild(type, cursor, depth));
    if (before === undefined && !element.delimited) return local(element, readChild(type, cursor, depth));
    const message = before === undefined ? type.make() : element.local === undefined ? (before as Message) : completed(type, element.local.toMessage(before));
    if (element.delimited) type.merge(cursor, message, depth + 1, number);
    else {
      const outer = cursor.end;
      cursor.end = cursor.lengthEnd();
      type.merge(cursor, message, depth + 1, 0);
      cursor.end = outer;
    }
    return local(element, message);
  };
}

/** A message behind its length. */
export function readChild(type: MessageType, cursor: Cursor, depth: number): Message {
  const outer = cursor.end;
  cursor.end = cursor.lengthEnd();
  const message = type.read(cursor, depth + 1);
  cursor.end = outer;
  return message;
}

/** A message made from its local form has only the fields that form knows. */
function completed(type: MessageType, message: Message): Message {
  return Object.assign(type.make(), message);
}

function scalarReader(scalar: Scalar, { longAsString, strictUtf8 }: Element): (cursor: Cursor) => unknown {
  if (scalar === 'string') return (cursor) => cursor.text(strictUtf8);
  if (scalar === 'bytes') return (cursor) => cursor.blob();
  if (longAsString && isLong(scalar)) return (cursor) => String(cursor[scalar]());
  return (cursor) => cursor[scalar]();
}
