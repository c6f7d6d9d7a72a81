import type { DescMessage } from '@bufbuild/protobuf';
import type { Field, Plan } from './field.ts';

const editionProto2 = 998;
const editionProto3 = 999;

/** Whether absent fields are read from the prototype, where protobuf-es keeps the defaults of proto2. */
export function hasDefaultsOnPrototype(desc: DescMessage, fields: readonly Field[]): boolean {
  if (desc.file.edition === editionProto3) return false;
  if (desc.file.edition === editionProto2) return true;
  return fields.some((field) => field.kind === 'single' && field.message === undefined && (field.presence === 'explicit' || field.presence === 'required'));
}

/** Makes messages as `create` of protobuf-es does: the same own properties in the same order over the same kind of prototype. */
export function makerOf({ desc, fields, typeName }: Plan): () => Record<string, unknown> {
  const byName = new Map(fields.map((field) => [field.name, field]));
  const prototype: Record<string, unknown> = {};
  const own: (readonly [name: string, zero: () => unknown])[] = [];
  for (const member of desc.members) {
    const name = member.localName;
    if (member.kind === 'oneof') {
      own.push([name, () => ({ case: undefined })]);
      continue;
    }
    const field = byName.get(name) as Field; // each member that is no oneof is a field
    if (field.kind === 'list') own.push([name, () => []]);
    else if (field.kind === 'map') own.push([name, () => ({})]);
    else if (field.message === undefined) {
      prototype[name] = field.zero;
      if (field.presence === 'implicit') own.push([name, () => field.zero]);
    }
  }
  const base = hasDefaultsOnPrototype(desc, fields) ? prototype : Object.prototype;
  return () => {
    const message = Object.create(base) as Record<string, unknown>; // its prototype is a plain object
    message['$typeName'] = typeName;
    for (const [name, zero] of own) message[name] = zero();
    return message;
  };
}
