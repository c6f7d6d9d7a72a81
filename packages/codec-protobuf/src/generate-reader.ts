import { generate } from './code-generation.ts';
import type { Cursor } from './cursor.ts';
import { type Field, elementWire } from './field.ts';
import type { Message, MessageType, TypeOf } from './message-type.ts';
import { lacksRequired, readChild, readMessage } from './read-message.ts';
import { readText } from './read-text.ts';
import { type Scalar, isLong, lengthWire, wireOf } from './scalar.ts';

/**
 * One function that reads a message whose fields come in the order of their numbers, which is how every encoder writes them. The first field
 * that is out of order, unknown or of another wire type ends the fast way: the rest is read by `readMessage`, into the same message.
 *
 * `t` is the tag that was read at `s`, `p` the position behind it.
 */
export function generateReader(type: MessageType, typeOf: TypeOf): (cursor: Cursor, depth: number) => Message {
  const { plan } = type;
  const names: Record<string, unknown> = { readText, readChild, readMessage, lacksRequired, type, make: type.make };
  const steps = plan.fields.map((field, index) => {
    if (field.message !== undefined) names[`c${index}`] = typeOf(field);
    if (isDelegated(field)) names[`d${index}`] = type.table.get(elementTag(field));
    return stepOf(field, index);
  });
  const required = plan.required.length;
  return generate(names, `return function (c, depth) {
  const b = c.bytes, v = c.view, end = c.end, m = make();
  let p = c.pos, s = p, t = 0, x, n = 0, r = 0;
  ${next}
  ${steps.join('\n  ')}
  c.pos = s;
  if (s < end) readMessage(type, c, m, { depth, group: 0 });
  ${required === 0 ? '' : `else if (r !== ${required} && lacksRequired(type.plan, m)) c.incomplete = true;`}
  return m;
};`);
}

const next = `s = p; t = 0; if (p < end) { t = b[p++]; if (t > 127) {
    if (p < end && b[p] < 128) t = t & 127 | b[p++] << 7; else { c.pos = s; t = c.tag(); p = c.pos; } } }`;

function isDelegated(field: Field): boolean {
  return field.kind === 'map' || field.closed !== undefined || (field.message !== undefined && (field.delimited || field.local !== undefined));
}

function elementTag(field: Field): number {
  return field.kind === 'map' ? field.tag : ((field.number << 3) | elementWire(field)) >>> 0;
}

function stepOf(field: Field, index: number): string {
  const tag = elementTag(field);
  const name = JSON.stringify(field.name);
  const loop = field.kind === 'single' ? 'if' : 'while';
  if (isDelegated(field)) return `${loop} (t === ${tag}) { c.pos = p; d${index}(c, m, depth); p = c.pos; ${next} ${counted(field)} }`;
  if (field.kind === 'single') {
    const set = field.oneof === undefined ? `m[${name}] = x;` : `m[${JSON.stringify(field.oneof)}] = { case: ${name}, value: x };`;
    return `if (t === ${tag}) { ${valueOf(field, index)} ${set} ${counted(field)} ${next} }`;
  }
  const one = `while (t === ${tag}) { ${valueOf(field, index)} m[${name}].push(x); ${next} }`;
  return field.scalar === undefined || wireOf(field.scalar) === lengthWire ? one : `${one} ${packedOf(field, field.scalar, index)}`;
}

function counted(field: Field): string {
  if (field.presence !== 'required') return '';
  // A number that a closed enum does not know leaves its field unset.
  return field.closed === undefined ? 'r++;' : `if (Object.hasOwn(m, ${JSON.stringify(field.name)})) r++;`;
}

function packedOf(field: Field, scalar: Scalar, index: number): string {
  const tag = ((field.number << 3) | lengthWire) >>> 0;
  return `while (t === ${tag}) { c.pos = p; const e = c.lengthEnd(); p = c.pos; c.end = e; const l = m[${JSON.stringify(field.name)}];
    while (p < e) { ${valueOf(field, index, 'e')} l.push(x); }
    c.end = end; ${next} }`;
}

function slow(read: string): string {
  return `{ c.pos = p; x = ${read}; p = c.pos; }`;
}

/** Reads one value into `x` and moves `p` behind it; `end` names the variable that bounds it and equals c.end. */
function valueOf(field: Field, index: number, end = 'end'): string {
  const { scalar } = field;
  if (scalar === undefined) return slow(`readChild(c${index}, c, depth)`);
  if (isLong(scalar) && field.longAsString) return slow(`String(c.${scalar}())`);
  // Up to three bytes without a call: numbers to two million.
  const varint = `if (p < ${end} && (x = b[p]) < 128) p++;
    else if (p + 3 <= ${end} && (n = b[p + 1]) < 128) { x = x & 127 | n << 7; p += 2; }
    else if (p + 3 <= ${end} && b[p + 2] < 128) { x = x & 127 | (n & 127) << 7 | b[p + 2] << 14; p += 3; }
    else ${slow(`c.${scalar === 'sint32' ? 'uint32' : scalar}()`)}`;
  const fixed = (size: number, read: string): string => `if (p + ${size} > ${end}) { c.pos = p; c.refuseEnd(); } x = v.${read}(p, true); p += ${size};`;
  switch (scalar) {
    case 'int32': case 'uint32': return varint;
    case 'sint32': return `${varint} x = (x >>> 1) ^ -(x & 1);`;
    case 'bool': return `if (p < ${end} && b[p] < 2) x = b[p++] === 1; else ${slow('c.bool()')}`;
    case 'fixed32': return fixed(4, 'getUint32');
    case 'sfixed32': return fixed(4, 'getInt32');
    case 'float': return fixed(4, 'getFloat32');
    case 'double': return fixed(8, 'getFloat64');
    case 'fixed64': return fixed(8, 'getBigUint64');
    case 'sfixed64': return fixed(8, 'getBigInt64');
    case 'string': return `if (p < end && (n = b[p]) < 128 && n < end - p) { p += n + 1; x = readText(c, p - n, p, ${field.strictUtf8}); } else ${slow(`c.text(${field.strictUtf8})`)}`;
    case 'bytes': return slow('c.blob()');
    default: return slow(`c.${scalar}()`);
  }
}
