// rpcxjs, server side, every default on.
import { contract, unary } from '@rpcxjs/core';
import { createServer } from '@rpcxjs/server';
import { tcp } from '@rpcxjs/transport-tcp';
import { peerOptions, serveUntilInputEnds } from '../closed-loop.mjs';
import { answer } from '../message.mjs';
import { form } from './rpcxjs-contract.mjs';

const options = peerOptions();
const { codec, hello } = await form(options.codec);
const server = createServer({ transports: [tcp()], codecs: [codec] });
server.register(hello, { Say: answer, Echo: (bytes) => bytes });

// P12: services that nobody calls, so that the cost of having them shows.
const idle = Object.fromEntries(Array.from({ length: 10 }, (_, index) => [`Method${index}`, unary()]));
const handlers = Object.fromEntries(Object.keys(idle).map((name) => [name, (input) => input]));
for (let index = 1; index < Number(options.services); index++) server.register(contract(`Service${index}`, idle), handlers);

// P10: one server at several addresses is several servers to its client.
const addresses = await server.listen(...Array.from({ length: Number(options.listeners) }, () => 'tcp@127.0.0.1:0'));
await serveUntilInputEnds(addresses.join(',').replaceAll('tcp@', ''));
