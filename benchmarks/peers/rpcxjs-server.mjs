// rpcxjs, server side, every default on.
import { contract, unary } from '@rpcxjs/core';
import { createServer } from '@rpcxjs/server';
import { peerOptions, serveUntilInputEnds } from '../closed-loop.mjs';
import { answer } from '../message.mjs';
import { form } from './rpcxjs-contract.mjs';
import { transportOf } from './rpcxjs-transport.mjs';

const options = peerOptions();
const { codec, hello } = await form(options.codec);
const { network, host, transport } = await transportOf(options.transport);
const server = createServer({ transports: [transport], codecs: [codec] });
server.register(hello, { Say: answer, Echo: (bytes) => bytes });

// P12: services that nobody calls, so that the cost of having them shows.
const idle = Object.fromEntries(Array.from({ length: 10 }, (_, index) => [`Method${index}`, unary()]));
const handlers = Object.fromEntries(Object.keys(idle).map((name) => [name, (input) => input]));
for (let index = 1; index < Number(options.services); index++) server.register(contract(`Service${index}`, idle), handlers);

// P10: one server at several addresses is several servers to its client.
const addresses = await server.listen(...Array.from({ length: Number(options.listeners) }, () => `${network}@${host}`));
await serveUntilInputEnds(addresses.join(',').replaceAll(`${network}@`, ''));
