import { RpcError, type Codec } from '@rpcxjs/core';

/** A codec of our own at a number that rpcx leaves free: JSON, last byte first. The Go peers have the same one. */
export const reversedJson: Codec = {
  id: 9,
  name: 'reversed-json',
  encode(value, writer) {
    writer.append(Buffer.from(JSON.stringify(value ?? null)).reverse());
  },
  decode(source, start, end) {
    if (start === end) return undefined;
    try {
      return JSON.parse(Buffer.from(source.subarray(start, end)).reverse().toString());
    } catch (cause) {
      throw new RpcError('invalid_argument', 'the payload is no reversed JSON', { reason: 'BAD_PAYLOAD', cause });
    }
  },
};
