// What client and server of @grpc/grpc-js share: the service, and limits that let the largest payload through.
import { loadSync } from '@grpc/proto-loader';
import { protoFile } from '../message.mjs';

export const grpcLimits = { 'grpc.max_receive_message_length': -1, 'grpc.max_send_message_length': -1 };

/** The options that grpc-js's own examples use, with numbers for int64 so that nothing is spent on conversion to strings. */
export function grpcDefinition() {
  return loadSync(protoFile, { keepCase: true, longs: Number, enums: String, defaults: true, oneofs: true });
}
