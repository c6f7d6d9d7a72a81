// @grpc/grpc-js, server side: the usual stack, proto-loader over the .proto file.
import { loadPackageDefinition, Server, ServerCredentials } from '@grpc/grpc-js';
import { serveUntilInputEnds } from '../closed-loop.mjs';
import { answer } from '../message.mjs';
import { grpcDefinition, grpcLimits } from './grpc-js-definition.mjs';

const { bench } = loadPackageDefinition(grpcDefinition());
const server = new Server(grpcLimits);
server.addService(bench.Hello.service, {
  Say: (call, callback) => callback(null, answer(call.request)),
  Echo: (call, callback) => callback(null, { data: call.request.data }),
});
server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, port) => {
  if (error) throw error;
  void serveUntilInputEnds(`127.0.0.1:${port}`);
});
