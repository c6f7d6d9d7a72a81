import { type DescField, type DescMessage, ScalarType } from '@bufbuild/protobuf';
import fc from 'fast-check';

type Init = Record<string, unknown>;

const text = fc.oneof(
  { weight: 4, arbitrary: fc.string({ maxLength: 50 }) },
  { weight: 4, arbitrary: fc.string({ unit: 'binary', maxLength: 60 }) },
  { weight: 1, arbitrary: fc.string({ unit: fc.constantFrom('许', '多', 'é', '🚀', 'a'), maxLength: 200 }) },
  { weight: 1, arbitrary: fc.constantFrom('__proto__', 'constructor', 'prototype', '\ufeff', '\ufffd') },
);
const int32 = fc.oneof(fc.integer(), fc.constantFrom(0, 1, -1, 127, 128, 0x7fffffff, -0x80000000));
const uint32 = fc.oneof(fc.integer({ min: 0, max: 0xffffffff }), fc.constantFrom(0, 127, 128, 16383, 16384, 0xffffffff));
const int64 = fc.oneof(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }), fc.bigInt({ min: -300n, max: 300n }), fc.constantFrom(0n, 2n ** 53n + 1n, 2n ** 63n - 1n, -(2n ** 63n)));
const uint64 = fc.oneof(fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), fc.bigInt({ min: 0n, max: 300n }), fc.constantFrom(2n ** 32n - 1n, 2n ** 32n, 2n ** 64n - 1n));

function scalar(type: ScalarType, longAsString: boolean): fc.Arbitrary<unknown> {
  const long = (arbitrary: fc.Arbitrary<bigint>): fc.Arbitrary<unknown> => (longAsString ? arbitrary.map(String) : arbitrary);
  switch (type) {
    case ScalarType.DOUBLE: return fc.double();
    case ScalarType.FLOAT: return fc.float();
    case ScalarType.BOOL: return fc.boolean();
    case ScalarType.STRING: return text;
    case ScalarType.BYTES: return fc.uint8Array({ maxLength: 200 });
    case ScalarType.UINT32: case ScalarType.FIXED32: return uint32;
    case ScalarType.INT64: case ScalarType.SINT64: case ScalarType.SFIXED64: return long(int64);
    case ScalarType.UINT64: case ScalarType.FIXED64: return long(uint64);
    default: return int32;
  }
}

function key(type: ScalarType): fc.Arbitrary<string> {
  return type === ScalarType.STRING ? text : scalar(type, false).map(String);
}

function value(field: DescField, depth: number): fc.Arbitrary<unknown> {
  if (field.message !== undefined) {
    if (field.message.typeName === 'google.protobuf.Struct' && field.parent.typeName !== 'google.protobuf.Value') {
      return fc.dictionary(text, fc.jsonValue({ maxDepth: 2 }), { maxKeys: 3 });
    }
    const wrapped = field.message.typeName.endsWith('Value') && field.message.fields.length === 1 && field.fieldKind === 'message' && field.oneof === undefined;
    const inner = field.message.fields[0];
    if (wrapped && inner?.name === 'value') return value(inner, depth);
    return initOf(field.message, depth - 1);
  }
  if (field.enum !== undefined) return fc.constantFrom(...field.enum.values.map(({ number }) => number));
  return scalar(field.scalar, field.fieldKind !== 'map' && field.longAsString);
}

function fieldInit(field: DescField, depth: number): fc.Arbitrary<unknown> {
  const one = value(field, depth);
  if (field.fieldKind === 'list') return fc.array(one, { maxLength: 5 });
  if (field.fieldKind === 'map') return fc.dictionary(key(field.mapKey), one, { maxKeys: 4, noNullPrototype: true });
  return one;
}

// Made once for each message and depth: a fresh one for each message inside another grows beyond measure.
const known = new Map<string, fc.Arbitrary<Init>>();

/** Values that `create` takes for a message of this type; each optional field is there or not. */
export function initOf(desc: DescMessage, depth = 3): fc.Arbitrary<Init> {
  const key = `${desc.typeName} ${depth}`;
  const made = known.get(key) ?? recordOf(desc, depth);
  known.set(key, made);
  return made;
}

function recordOf(desc: DescMessage, depth: number): fc.Arbitrary<Init> {
  const model: Record<string, fc.Arbitrary<unknown>> = {};
  const requiredKeys: string[] = [];
  for (const member of desc.members) {
    if (member.kind === 'oneof') {
      const cases = member.fields.filter((field) => depth > 0 || field.message === undefined);
      model[member.localName] = fc.oneof(...cases.map((field) => value(field, depth).map((chosen) => ({ case: field.localName, value: chosen }))));
    } else if (depth > 0 || member.message === undefined) {
      model[member.localName] = fieldInit(member, depth);
      if (member.presence === 3) requiredKeys.push(member.localName);
    }
  }
  return fc.record(model, { requiredKeys });
}
