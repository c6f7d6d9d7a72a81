import type { ByteWriter } from '@rpcxjs/core';
import { generate } from './code-generation.ts';
import { type Field, elementWire } from './field.ts';
import { hasDefaultsOnPrototype } from './message-maker.ts';
import type { Message, MessageType, TypeOf } from './message-type.ts';
import { refuseMissing, refuseValue } from './refusal.ts';
import { type Scalar, isLong } from './scalar.ts';
import { close, writeBytes } from './write-message.ts';
import { writeText } from './write-text.ts';
import {
  checkBool, checkFloat, checkInt32, checkNumber, checkUint32, fixed64, int64, reserve, sint64, uint64, varint32, varint64, widthOf,
} from './write-wire.ts';

const helpers = {
  checkBool, checkFloat, checkInt32, checkNumber, checkUint32, fixed64, int64, sint64, uint64, varint32, varint64, widthOf, reserve, close,
  writeText, writeBytes, refuseMissing, refuseValue, hasOwn: Object.hasOwn,
};

/**
 * One function that writes a whole message with every tag, name and check as a constant.
 *
 * `b`, `v` and `p` are the writer's bytes, view and offset. At every point there is room for the fixed part of all fields that follow, so only
 * what has no fixed size asks for room, and asks for that rest with it.
 */
export function generateWriter(type: MessageType, typeOf: TypeOf): (message: Message, writer: ByteWriter, depth: number) => void {
  const { plan } = type;
  const inherits = hasDefaultsOnPrototype(plan.desc, plan.fields);
  const oneofs = [...new Set(plan.fields.map((field) => field.oneof).filter((name) => name !== undefined))];
  const names: Record<string, unknown> = { ...helpers };
  const steps: string[] = [];
  let rest = 0;
  for (let index = plan.fields.length - 1; index >= 0; index--) {
    const field = plan.fields[index] as Field; // index counts down from the last
    steps.unshift(stepOf({ field, index, rest, inherits, oneof: oneofs.indexOf(field.oneof ?? '') }));
    rest += fieldRoom;
    names[`f${index}`] = field;
    names[`z${index}`] = field.zero;
    if (field.message !== undefined) names[`c${index}`] = typeOf(field);
    if (isDelegated(field)) names[`d${index}`] = type.writers[index];
  }
  const chosen = oneofs.map((name, index) => `const o${index} = m[${JSON.stringify(name)}], k${index} = o${index} == null ? undefined : o${index}.case;`);
  const guesses = plan.fields.map((field, index) => (field.message === undefined ? '' : `let g${index} = 1;`)).join('');
  return generate(names, `${guesses}
return function (m, w, depth) {
  let b = w.bytes, v = w.view, p = w.offset, x, a = 0, h = 0, n = 0;
  ${grow(rest)}
  ${[...chosen, ...steps].join('\n  ')}
  w.offset = p;
};`);
}

interface Step {
  readonly field: Field;
  readonly index: number;
  /** Bytes that the fixed parts of the fields behind it may take. */
  readonly rest: number;
  readonly inherits: boolean;
  /** Which oneof it belongs to, if any. */
  readonly oneof: number;
}

function isDelegated(field: Field): boolean {
  return field.kind === 'map' || (field.message !== undefined && (field.delimited || field.local !== undefined));
}

// Five bytes of tag, and ten of number or five of length.
const fieldRoom = 15;

function grow(count: number): string {
  return count === 0 ? '' : `if (b.length - p < ${count}) { w.offset = p; w.reserve(${count}); b = w.bytes; v = w.view; }`;
}

/** After something else wrote: fetch the position and see to the room again. */
function resume(rest: number): string {
  return `p = w.offset; b = w.bytes; v = w.view; ${grow(rest)}`;
}

function tagBytes(tag: number): string {
  const bytes: number[] = [];
  let left = tag;
  for (; left > 0x7f; left >>>= 7) bytes.push((left & 0x7f) | 0x80);
  bytes.push(left);
  return `${bytes.map((byte, index) => `b[p${index === 0 ? '' : ` + ${index}`}] = ${byte};`).join(' ')} p += ${bytes.length};`;
}

function stepOf(step: Step): string {
  const { field, index, rest, inherits } = step;
  const name = JSON.stringify(field.name);
  const read = field.inherited ? `x = hasOwn(m, ${name}) ? m[${name}] : undefined;` : `x = m[${name}];`;
  if (isDelegated(field)) return `w.offset = p; d${index}(m, w, depth); ${resume(rest)}`;
  if (field.kind === 'list') return `${read} if (x != null) { if (!Array.isArray(x)) refuseValue(f${index}.label, 'an array', x); ${listOf(step)} }`;
  if (field.oneof !== undefined) return `if (k${step.oneof} === ${name}) { x = o${step.oneof}.value; ${valueOf(step)} }`;
  const missing = field.presence === 'required' ? ` else refuseMissing(f${index}.label);` : '';
  return `${read} if (${presentIf(field, index, inherits)}) { ${valueOf(step)} }${missing}`;
}

/** The same rules as `isPresent`. */
function presentIf({ presence, scalar, zero, name }: Field, index: number, inherits: boolean): string {
  const own = `hasOwn(m, ${JSON.stringify(name)})`;
  if (presence === 'implicit') {
    if (scalar === 'bytes') return 'x != null && x.length !== 0';
    if (scalar === 'double' || scalar === 'float') return 'x != null && (x !== 0 || 1 / x < 0)';
    if (isLong(scalar as Scalar)) return "x != null && x !== 0n && x !== 0 && x !== '0'";
    return `x !== ${JSON.stringify(zero)} && x != null`;
  }
  if (!inherits || scalar === undefined) return 'x != null';
  if (scalar === 'bytes' || zero !== zero) return `x != null && ${own}`;
  return `x != null && (x !== z${index} || ${own})`;
}

function valueOf(step: Step): string {
  const { field, index, rest } = step;
  if (field.scalar !== undefined) return `${tagBytes(field.tag)} ${scalarOf(field.scalar, index, rest)}`;
  // `h`: the guess may change meanwhile, because a message may hold its own kind.
  return `${tagBytes(field.tag)} a = p; h = g${index}; w.offset = p + h; c${index}.write(x, w, depth + 1, f${index});
    n = w.offset - a - 1; if (n < 128 && h === 1) w.bytes[a] = n; else g${index} = close(w, a, h); ${resume(rest)}`;
}

function listOf(step: Step): string {
  const { field, index, rest } = step;
  const room = rest + fieldRoom;
  if (!field.packed || field.scalar === undefined) {
    return `const l${index} = x; for (let i = 0; i < l${index}.length; i++) { ${grow(room)} x = l${index}[i]; ${valueOf({ ...step, field: { ...field, tag: elementTag(field) } })} }`;
  }
  return `const l${index} = x; if (l${index}.length > 0) { ${tagBytes(field.tag)} const at = p, width = widthOf(l${index}.length); p += width;
    for (let i = 0; i < l${index}.length; i++) { ${grow(room)} x = l${index}[i]; ${scalarOf(field.scalar, index, rest)} }
    w.offset = p; close(w, at, width); ${resume(rest)} }`;
}

function elementTag(field: Field): number {
  return ((field.number << 3) | elementWire(field)) >>> 0;
}

const int32Check = (index: number): string => `if (typeof x !== 'number' || (x | 0) !== x) checkInt32(x, f${index});`;
const uint32Check = (index: number): string => `if (typeof x !== 'number' || x >>> 0 !== x) checkUint32(x, f${index});`;
const varint = 'while (n > 127) { b[p++] = n | 128; n >>>= 7; } b[p++] = n;';

function scalarOf(scalar: Scalar, index: number, rest: number): string {
  switch (scalar) {
    case 'int32': return `${int32Check(index)} if (x >= 0) { n = x; ${varint} } else p = varint64(b, p, x, -1);`;
    case 'uint32': return `${uint32Check(index)} n = x; ${varint}`;
    case 'sint32': return `${int32Check(index)} n = ((x << 1) ^ (x >> 31)) >>> 0; ${varint}`;
    case 'fixed32': return `${uint32Check(index)} v.setUint32(p, x, true); p += 4;`;
    case 'sfixed32': return `${int32Check(index)} v.setInt32(p, x, true); p += 4;`;
    case 'bool': return `if (x !== true && x !== false) checkBool(x, f${index}); b[p++] = x ? 1 : 0;`;
    case 'double': return `if (typeof x !== 'number') checkNumber(x, f${index}); v.setFloat64(p, x, true); p += 8;`;
    case 'float': return `checkFloat(x, f${index}); v.setFloat32(p, x, true); p += 4;`;
    case 'int64': case 'uint64': case 'sint64': return `p = ${scalar}(b, p, x, f${index});`;
    case 'fixed64': case 'sfixed64': return `p = fixed64(v, p, x, f${index}, ${scalar === 'fixed64'});`;
    case 'string': return `p = writeText(w, p, x, f${index}, ${rest}); b = w.bytes; v = w.view;`;
    case 'bytes': return `w.offset = p; writeBytes(w, x, f${index}, depth); ${resume(rest)}`;
  }
}
