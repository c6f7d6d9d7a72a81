// rpcxjs, client side, every default on: the typed promise API.
import { createClient, failfast, failover } from '@rpcxjs/client';
import { instanceList } from '@rpcxjs/core/discoveries';
import { powerOfTwo, roundRobin } from '@rpcxjs/selectors';
import { peerOptions, promiseLoop, serveJobs } from '../closed-loop.mjs';
import { answer, isAnswer, isEcho, rawPayload } from '../message.mjs';
import { form } from './rpcxjs-contract.mjs';
import { transportOf } from './rpcxjs-transport.mjs';

const options = peerOptions();
const { codec, hello, message } = await form(options.codec);
const { network, host, transport } = await transportOf(options.transport);
const servers = options.address.split(',').map((address) => `${network}@${address}`);

// Memory is inside one process: the server is here, and the other process idles.
if (network === 'memory') {
  const { createServer } = await import('@rpcxjs/server');
  const server = createServer({ transports: [transport], codecs: [codec] });
  server.register(hello, { Say: answer, Echo: (bytes) => bytes });
  await server.listen(`${network}@${host}`);
}


// P10: everything that governs calls, named, against a client with none of it.
const manners = {
  default: () => ({ servers }),
  governed: () => ({ discovery: instanceList(servers), selector: powerOfTwo(), failMode: failover(), health: {} }),
  bare: () => ({ servers, selector: roundRobin(), failMode: failfast(), health: false }),
};
const client = createClient({ transports: [transport], codecs: [codec], ...manners[options.client]() });
const service = client.service(hello);
const payload = rawPayload(options.payload);

await serveJobs(
  options.codec === 'raw'
    ? promiseLoop(() => service.Echo(payload), (reply) => isEcho(payload, reply))
    : promiseLoop(() => service.Say(message), isAnswer),
);
