// What is sent: the message of rpcx's own benchmark, or a payload of so many bytes.
import { fileURLToPath } from 'node:url';

export const protoFile = fileURLToPath(new URL('message.proto', import.meta.url));
const text = '许多往事在眼前一幕一幕，变的那麼模糊';
const number = 100_000;

/** Filled as `PrepareArgs` of rpcx-benchmark does: 581 bytes as protobuf. A literal, so that all its fields are in-object properties. */
export function filledMessage() {
  return {
    field1: text, field9: text, field18: text, field80: true, field81: true, field2: number, field3: number,
    field280: number, field6: number, field22: number, field4: text, field5: [], field59: true, field7: text,
    field16: number, field130: number, field12: true, field17: true, field13: true, field14: true, field104: number,
    field100: number, field101: number, field102: text, field103: text, field29: number, field30: true, field60: number,
    field271: number, field272: number, field150: number, field23: number, field24: true, field25: number, field78: true,
    field67: number, field68: number, field128: number, field129: text, field131: number,
  };
}

/** What every server does with a message: as in rpcx's own benchmark, two fields are set and the rest goes back. */
export function answer(message) {
  message.field1 = 'OK';
  message.field2 = 100;
  return message;
}

export function isAnswer(reply) {
  return reply.field1 === 'OK' && reply.field2 === 100;
}

/** The bytes of a raw call: as many as asked; 581, as the message has, for `message`. */
export function rawPayload(payload) {
  const size = payload === 'message' ? 581 : Number(payload);
  if (!(size > 0)) throw new RangeError(`payload ${payload} is neither "message" nor a number of bytes`);
  return new Uint8Array(size).fill(0x5a);
}

export function isEcho(sent, reply) {
  const last = sent.length - 1;
  return reply.length === sent.length && reply[0] === sent[0] && reply[last] === sent[last];
}
