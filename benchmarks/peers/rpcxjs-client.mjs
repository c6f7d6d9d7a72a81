// rpcxjs, client side, every default on: the typed promise API.
import { createClient, failfast, failover } from '@rpcxjs/client';
import { instanceList } from '@rpcxjs/core/discoveries';
import { powerOfTwo, roundRobin } from '@rpcxjs/selectors';
import { tcp } from '@rpcxjs/transport-tcp';
import { peerOptions, promiseLoop, serveJobs } from '../closed-loop.mjs';
import { isAnswer, isEcho, rawPayload } from '../message.mjs';
import { form } from './rpcxjs-contract.mjs';

const options = peerOptions();
const { codec, hello, message } = await form(options.codec);
const servers = options.address.split(',').map((address) => `tcp@${address}`);

// P10: everything that governs calls, named, against a client with none of it.
const manners = {
  default: () => ({ servers }),
  governed: () => ({ discovery: instanceList(servers), selector: powerOfTwo(), failMode: failover(), health: {} }),
  bare: () => ({ servers, selector: roundRobin(), failMode: failfast(), health: false }),
};
const client = createClient({ transports: [tcp()], codecs: [codec], ...manners[options.client]() });
const service = client.service(hello);
const payload = rawPayload(options.payload);

await serveJobs(
  options.codec === 'raw'
    ? promiseLoop(() => service.Echo(payload), (reply) => isEcho(payload, reply))
    : promiseLoop(() => service.Say(message), isAnswer),
);
