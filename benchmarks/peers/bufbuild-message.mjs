// The message as @bufbuild/protobuf has it, its descriptor built from the .proto file so that no generated code has to be kept.
import { create, createFileRegistry } from '@bufbuild/protobuf';
import { FieldDescriptorProto_Label, FieldDescriptorProto_Type, FileDescriptorProtoSchema } from '@bufbuild/protobuf/wkt';
import protobuf from 'protobufjs';
import { filledMessage, protoFile } from '../message.mjs';

export function bufbuildMessage() {
  const field = ({ name, id, type, repeated, required }) => ({
    name, number: id, type: FieldDescriptorProto_Type[type.toUpperCase()],
    label: FieldDescriptorProto_Label[repeated ? 'REPEATED' : required ? 'REQUIRED' : 'OPTIONAL'],
  });
  const file = create(FileDescriptorProtoSchema, {
    name: 'message.proto', package: 'bench', syntax: 'proto2',
    messageType: [{ name: 'Message', field: protobuf.loadSync(protoFile).lookupType('bench.Message').fieldsArray.map(field) }],
  });
  return createFileRegistry(file, () => undefined).getMessage('bench.Message');
}

/** Filled; 64-bit fields are bigint. */
export function filledBufbuildMessage(schema) {
  const message = filledMessage();
  return create(schema, { ...message, field22: BigInt(message.field22) });
}
