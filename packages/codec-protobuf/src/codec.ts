import { type Codec, RpcError } from '@rpcxjs/core';
import type { ProtobufWire } from './message.ts';

/**
 * Protocol Buffers (rpcx's serialize type 2): the bare message, without a length. A method needs the types of what it takes and returns, made by
 * `message` or `protobufjsMessage`; without one only the empty payload can be written (no value) and read.
 */
export const protobuf: Codec = {
  id: 2,
  name: 'protobuf',
  encode(value) {
    if (value !== undefined) refuseUntyped('encode');
  },
  decode(_source, start, end) {
    if (start !== end) refuseUntyped('decode');
    return undefined;
  },
  compile: (wireType) => (isWire(wireType) ? wireType.compile() : undefined),
};

function refuseUntyped(verb: 'encode' | 'decode'): never {
  throw new RpcError('invalid_argument', `cannot ${verb} a value as protobuf without its type; give the method input and output: message(Schema)`, {
    reason: 'BAD_PAYLOAD',
    sent: verb !== 'encode',
  });
}

function isWire(value: unknown): value is ProtobufWire {
  return typeof value === 'object' && value !== null && typeof (value as Partial<ProtobufWire>).compile === 'function';
}
