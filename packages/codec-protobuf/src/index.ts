export { protobuf } from './codec.ts';
export { message } from './message.ts';
export type { ProtobufType, ProtobufWire } from './message.ts';
export { protobufjsMessage } from './protobufjs.ts';
export type { ProtobufjsType } from './protobufjs.ts';
