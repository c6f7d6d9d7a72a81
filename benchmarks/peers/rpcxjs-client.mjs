// rpcxjs, client side, every default on: the typed promise API.
import { createClient } from '@rpcxjs/client';
import { tcp } from '@rpcxjs/transport-tcp';
import { peerOptions, promiseLoop, serveJobs } from '../closed-loop.mjs';
import { isAnswer, isEcho, rawPayload } from '../message.mjs';
import { form } from './rpcxjs-contract.mjs';

const options = peerOptions();
const { codec, hello, message } = await form(options.codec);
const client = createClient({ servers: `tcp@${options.address}`, transports: [tcp()], codecs: [codec] });
const service = client.service(hello);
const payload = rawPayload(options.payload);

await serveJobs(
  options.codec === 'raw'
    ? promiseLoop(() => service.Echo(payload), (reply) => isEcho(payload, reply))
    : promiseLoop(() => service.Say(message), isAnswer),
);
