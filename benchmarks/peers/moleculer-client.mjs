// moleculer, client side.
import { peerOptions, promiseLoop, serveJobs } from '../closed-loop.mjs';
import { filledMessage, isAnswer } from '../message.mjs';
import { broker } from './moleculer-broker.mjs';

const [host, port, ownPort] = peerOptions().address.split(':');
const node = broker('client', { port: Number(ownPort), urls: [`${host}:${port}/server`] });
await node.start();
await node.waitForServices('hello');
const message = filledMessage();

await serveJobs(promiseLoop(() => node.call('hello.say', message), isAnswer));
