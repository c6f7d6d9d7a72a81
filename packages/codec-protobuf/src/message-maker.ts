import type { DescMessage } from '@bufbuild/protobuf';
import { generate } from './code-generation.ts';
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
export function makerOf({ desc, fields, typeName }: Plan, generated: boolean): () => Record<string, unknown> {
  const byName = new Map(fields.map((field) => [field.name, field]));
  const prototype: Record<string, unknown> = {};
  const own: OwnProperty[] = [];
  for (const member of desc.members) {
    const name = member.localName;
    if (member.kind === 'oneof') {
      own.push({ name, zero: () => ({ case: undefined }), code: '{ case: undefined }' });
      continue;
    }
    const field = byName.get(name) as Field; // each member that is no oneof is a field
    if (field.kind === 'list') own.push({ name, zero: () => [], code: '[]' });
    else if (field.kind === 'map') own.push({ name, zero: () => ({}), code: '{}' });
    else if (field.message === undefined) {
      prototype[name] = field.zero;
      if (field.presence === 'implicit') own.push({ name, zero: () => field.zero, code: undefined });
    }
  }
  const base = hasDefaultsOnPrototype(desc, fields) ? prototype : Object.prototype;
  if (generated) return generateMaker({ base, own, typeName, fields });
  return () => {
    const message = Object.create(base) as Record<string, unknown>; // its prototype is a plain object
    message['$typeName'] = typeName;
    for (const { name, zero } of own) message[name] = zero();
    return message;
  };
}

interface OwnProperty {
  readonly name: string;
  readonly zero: () => unknown;
  /** An expression for a fresh value; undefined where all messages share one. */
  readonly code: string | undefined;
}
interface Shape {
  readonly base: object;
  readonly own: readonly OwnProperty[];
  readonly typeName: string;
  readonly fields: readonly Field[];
}

// Room inside the object for more fields than this would be wasted on messages that set few of them.
const mostReserved = 40;

function generateMaker({ base, own, typeName, fields }: Shape): () => Record<string, unknown> {
  const names: Record<string, unknown> = { base, typeName };
  const sets = own.map(({ name, zero, code }, index) => {
    if (code === undefined) names[`z${index}`] = zero();
    return `this[${JSON.stringify(name)}] = ${code ?? `z${index}`};`;
  });
  const later = fields.filter((field) => field.oneof === undefined && !own.some(({ name }) => name === field.name)).slice(0, mostReserved);
  const never = later.map(({ name }) => `this[${JSON.stringify(name)}] = undefined;`);
  // V8 counts the assignments in a constructor to decide how much room its objects get: those that never run make room for optional fields.
  return generate(names, `let full = true;
function Message() { this.$typeName = typeName; ${sets.join(' ')} if (full) { ${never.join(' ')} } }
Message.prototype = base; new Message(); full = false;
return () => new Message();`);
}
