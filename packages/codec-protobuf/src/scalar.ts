/** The scalar types of protobuf, by name. An enum travels as `int32`. */
export type Scalar =
  | 'double' | 'float' | 'int64' | 'uint64' | 'int32' | 'fixed64' | 'fixed32' | 'bool' | 'string' | 'bytes' | 'uint32'
  | 'sfixed32' | 'sfixed64' | 'sint32' | 'sint64';

// The numbers of google.protobuf.FieldDescriptorProto.Type, which are also those of ScalarType in protobuf-es.
const byNumber: readonly (Scalar | undefined)[] = [
  undefined, 'double', 'float', 'int64', 'uint64', 'int32', 'fixed64', 'fixed32', 'bool', 'string', undefined, undefined, 'bytes',
  'uint32', undefined, 'sfixed32', 'sfixed64', 'sint32', 'sint64',
];

export function scalarOf(number: number): Scalar {
  const scalar = byNumber[number];
  if (scalar === undefined) throw new TypeError(`${number} is no scalar type of protobuf: the descriptor was made by a newer @bufbuild/protobuf than this package knows`);
  return scalar;
}

export const varintWire = 0;
export const fixed64Wire = 1;
export const lengthWire = 2;
export const startGroupWire = 3;
export const endGroupWire = 4;
export const fixed32Wire = 5;

export function wireOf(scalar: Scalar): number {
  switch (scalar) {
    case 'string': case 'bytes': return lengthWire;
    case 'double': case 'fixed64': case 'sfixed64': return fixed64Wire;
    case 'float': case 'fixed32': case 'sfixed32': return fixed32Wire;
    default: return varintWire;
  }
}

export function isLong(scalar: Scalar): boolean {
  return scalar === 'int64' || scalar === 'uint64' || scalar === 'sint64' || scalar === 'fixed64' || scalar === 'sfixed64';
}

/** What an unset field reads as. */
export function zeroOf(scalar: Scalar, longAsString: boolean): unknown {
  if (scalar === 'string') return '';
  if (scalar === 'bool') return false;
  if (scalar === 'bytes') return new Uint8Array(0);
  if (isLong(scalar)) return longAsString ? '0' : 0n;
  return 0;
}
