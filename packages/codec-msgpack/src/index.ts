export { Extension } from './extension.ts';
export { msgpack, msgpackCodec } from './msgpack-codec.ts';
export type { MsgpackOptions } from './msgpack-options.ts';
export { Timestamp } from './timestamp.ts';
