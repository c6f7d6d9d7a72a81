// What the two sides of rpcxjs share: the contract and the message, for each way of writing it.
import { contract, jsonCodec, bytesCodec, unary } from '@rpcxjs/core';
import { filledMessage } from '../message.mjs';

const plain = (codec) => ({ codec, message: filledMessage(), type: undefined });

// Imported on demand: a process has what its own codec needs and nothing else.
const forms = {
  raw: () => plain(bytesCodec),
  json: () => plain(jsonCodec),
  async msgpack() {
    const { msgpack } = await import('@rpcxjs/codec-msgpack');
    return plain(msgpack);
  },
  async 'msgpack-struct'() {
    const { array, bool, int32, int64, msgpack, string, struct, uint64 } = await import('@rpcxjs/codec-msgpack');
    const message = filledMessage();
    const typeOf = (name, value) => {
      if (name === 'field5') return array(uint64);
      if (name === 'field22') return int64;
      return typeof value === 'string' ? string : typeof value === 'boolean' ? bool : int32;
    };
    const fields = Object.fromEntries(Object.entries(message).map(([name, value]) => [name, typeOf(name, value)]));
    return { codec: msgpack, message, type: struct(fields) };
  },
  async protobuf() {
    const { message: messageType, protobuf } = await import('@rpcxjs/codec-protobuf');
    const { bufbuildMessage, filledBufbuildMessage } = await import('./bufbuild-message.mjs');
    const schema = bufbuildMessage();
    return { codec: protobuf, message: filledBufbuildMessage(schema), type: messageType(schema) };
  },
};

/** The codec, the message to send, and the contract of `Hello`. */
export async function form(name) {
  const { codec, message, type } = await forms[name]();
  const say = type === undefined ? unary() : unary({ input: type, output: type });
  return { codec, message, hello: contract('Hello', { Say: say, Echo: unary() }) };
}
