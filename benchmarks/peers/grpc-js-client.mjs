// @grpc/grpc-js, client side: one channel, the callback API that its generated clients have.
import { credentials, loadPackageDefinition } from '@grpc/grpc-js';
import { callbackLoop, peerOptions, serveJobs, wrongReply } from '../closed-loop.mjs';
import { filledMessage, isAnswer, isEcho, rawPayload } from '../message.mjs';
import { grpcDefinition, grpcLimits } from './grpc-js-definition.mjs';

const options = peerOptions();
const { bench } = loadPackageDefinition(grpcDefinition());
const client = new bench.Hello(options.address, credentials.createInsecure(), grpcLimits);

function sayMessage() {
  const message = filledMessage();
  return (_slot, done) => client.Say(message, (error, reply) => done(error ?? (isAnswer(reply) ? undefined : wrongReply)));
}
function echoBytes() {
  const data = Buffer.from(rawPayload(options.payload));
  return (_slot, done) => client.Echo({ data }, (error, reply) => done(error ?? (isEcho(data, reply.data) ? undefined : wrongReply)));
}

await serveJobs(callbackLoop(options.codec === 'raw' ? echoBytes() : sayMessage()));
