// moleculer, server side: one node with one service. Its TCP transporter needs the port of both nodes beforehand.
import { serveUntilInputEnds } from '../closed-loop.mjs';
import { answer } from '../message.mjs';
import { broker } from './moleculer-broker.mjs';
import { freePort } from './free-port.mjs';

const port = await freePort();
const clientPort = await freePort();
const node = broker('server', { port, urls: [`127.0.0.1:${clientPort}/client`] });
node.createService({ name: 'hello', actions: { say: (context) => answer(context.params) } });
await node.start();
await serveUntilInputEnds(`127.0.0.1:${port}:${clientPort}`);
