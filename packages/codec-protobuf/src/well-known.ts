import type { DescField } from '@bufbuild/protobuf';
import { setOwn } from './own-property.ts';
import { refuseValue } from './refusal.ts';

/** How a message stands in the field that holds it, where that is not the message itself. */
export interface LocalForm {
  toMessage(local: unknown): Record<string, unknown>;
  toLocal(message: Record<string, unknown>): unknown;
  /** Adds what came later to what is there, where going there and back again for each part would take time that grows with its square. */
  merge?(local: unknown, message: Record<string, unknown>): unknown;
}
interface Value {
  readonly $typeName: 'google.protobuf.Value';
  readonly kind: { readonly case: string | undefined; readonly value?: unknown };
}

const wrappers = new Set(['Double', 'Float', 'Int64', 'UInt64', 'Int32', 'UInt32', 'Bool', 'String', 'Bytes'].map((name) => `google.protobuf.${name}Value`));

/** protobuf-es holds a single wrapper (google/protobuf/wrappers.proto) as its value and a Struct as JSON; this is the way there and back. */
export function localForm(desc: DescField): LocalForm | undefined {
  const { message } = desc;
  if (message === undefined) return undefined;
  if (message.typeName === 'google.protobuf.Struct' && desc.parent.typeName !== 'google.protobuf.Value') return structForm(`${desc.parent.typeName}.${desc.name}`);
  if (desc.fieldKind !== 'message' || desc.oneof !== undefined || !wrappers.has(message.typeName)) return undefined;
  const $typeName = message.typeName;
  return {
    toMessage: (value) => (value === undefined ? { $typeName } : { $typeName, value }),
    toLocal: (wrapped) => wrapped['value'],
  };
}

function structForm(label: string): LocalForm {
  return {
    toMessage: (json) => structOf(json, label),
    toLocal: (message) => addTo({}, message),
    merge: (json, message) => addTo(json as Record<string, unknown>, message), // made by toLocal
  };
}

function structOf(json: unknown, label: string): Record<string, unknown> {
  if (typeof json !== 'object' || json === null || Array.isArray(json)) refuseValue(label, 'an object of JSON', json);
  const fields: Record<string, unknown> = {};
  // As JSON.stringify does, a property without a value is left out.
  for (const [key, value] of Object.entries(json)) if (value !== undefined) setOwn(fields, key, valueOf(value, label));
  return { $typeName: 'google.protobuf.Struct', fields };
}

function valueOf(json: unknown, label: string): Value {
  return { $typeName: 'google.protobuf.Value', kind: kindOf(json, label) };
}

function kindOf(json: unknown, label: string): Value['kind'] {
  if (json === null || json === undefined) return { case: 'nullValue', value: 0 };
  if (typeof json === 'number') return { case: 'numberValue', value: json };
  if (typeof json === 'string') return { case: 'stringValue', value: json };
  if (typeof json === 'boolean') return { case: 'boolValue', value: json };
  if (typeof json !== 'object') refuseValue(label, 'JSON', json);
  if (!Array.isArray(json)) return { case: 'structValue', value: structOf(json, label) };
  return { case: 'listValue', value: { $typeName: 'google.protobuf.ListValue', values: json.map((item) => valueOf(item, label)) } };
}

function addTo(json: Record<string, unknown>, struct: Record<string, unknown>): Record<string, unknown> {
  const fields = struct['fields'] as Record<string, Value>; // made by the reader of google.protobuf.Struct
  for (const key of Object.keys(fields)) setOwn(json, key, jsonOf(fields[key] as Value));
  return json;
}

function jsonOf({ kind }: Value): unknown {
  switch (kind.case) {
    case 'structValue': return addTo({}, kind.value as Record<string, unknown>);
    case 'listValue': return (kind.value as { values: Value[] }).values.map(jsonOf);
    case 'nullValue': case undefined: return null;
    default: return kind.value;
  }
}
