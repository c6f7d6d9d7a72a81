import type { DescField } from '@bufbuild/protobuf';
import { setOwn } from './own-property.ts';

/** How a message stands in the field that holds it, where that is not the message itself. */
export interface LocalForm {
  toMessage(local: unknown): Record<string, unknown>;
  toLocal(message: Record<string, unknown>): unknown;
}
type Json = null | boolean | number | string | Json[] | { [key: string]: Json };
interface Value {
  readonly $typeName: 'google.protobuf.Value';
  readonly kind: { readonly case: string | undefined; readonly value?: unknown };
}

const wrappers = new Set(['Double', 'Float', 'Int64', 'UInt64', 'Int32', 'UInt32', 'Bool', 'String', 'Bytes'].map((name) => `google.protobuf.${name}Value`));

/** protobuf-es holds a single wrapper (google/protobuf/wrappers.proto) as its value and a Struct as JSON; this is the way there and back. */
export function localForm(desc: DescField): LocalForm | undefined {
  const { message } = desc;
  if (message === undefined) return undefined;
  if (message.typeName === 'google.protobuf.Struct' && desc.parent.typeName !== 'google.protobuf.Value') return structForm;
  if (desc.fieldKind !== 'message' || desc.oneof !== undefined || !wrappers.has(message.typeName)) return undefined;
  const $typeName = message.typeName;
  return {
    toMessage: (value) => (value === undefined ? { $typeName } : { $typeName, value }),
    toLocal: (wrapped) => wrapped['value'],
  };
}

const structForm: LocalForm = {
  toMessage: (json) => structOf(json as { [key: string]: Json }), // the field is typed as JsonObject
  toLocal: (message) => objectOf(message),
};

function structOf(json: { [key: string]: Json } | undefined): Record<string, unknown> {
  const fields: Record<string, unknown> = {};
  if (json !== undefined) for (const key of Object.keys(json)) setOwn(fields, key, valueOf(json[key]));
  return { $typeName: 'google.protobuf.Struct', fields };
}

function valueOf(json: Json | undefined): Value {
  return { $typeName: 'google.protobuf.Value', kind: kindOf(json) };
}

function kindOf(json: Json | undefined): Value['kind'] {
  if (typeof json === 'number') return { case: 'numberValue', value: json };
  if (typeof json === 'string') return { case: 'stringValue', value: json };
  if (typeof json === 'boolean') return { case: 'boolValue', value: json };
  if (Array.isArray(json)) return { case: 'listValue', value: { $typeName: 'google.protobuf.ListValue', values: json.map(valueOf) } };
  if (typeof json === 'object' && json !== null) return { case: 'structValue', value: structOf(json) };
  return { case: 'nullValue', value: 0 };
}

function objectOf(struct: Record<string, unknown>): Record<string, unknown> {
  const json: Record<string, unknown> = {};
  const fields = struct['fields'] as Record<string, Value>; // made by the reader of google.protobuf.Struct
  for (const key of Object.keys(fields)) setOwn(json, key, jsonOf(fields[key] as Value));
  return json;
}

function jsonOf({ kind }: Value): unknown {
  switch (kind.case) {
    case 'structValue': return objectOf(kind.value as Record<string, unknown>);
    case 'listValue': return (kind.value as { values: Value[] }).values.map(jsonOf);
    case 'nullValue': case undefined: return null;
    default: return kind.value;
  }
}
