export { protobuf } from './codec.ts';
export { message, messageDefaults } from './message.ts';
export type { MessageOptions, ProtobufType, ProtobufWire } from './message.ts';
export { protobufjsMessage } from './protobufjs.ts';
export type { ProtobufjsType } from './protobufjs.ts';
