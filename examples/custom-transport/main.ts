// Work that would hold up this thread is done by a server in another one; the client here calls it as it would any other.
import { MessageChannel, Worker } from 'node:worker_threads';
import { conformsLine } from '@rpcxjs/conformance';
import { createClient, RpcError } from '@rpcxjs/rpcx';
import { threads } from './src/index.ts';
import { cases } from './test/cases.ts';

const tell = (what: string, text: unknown): void => void process.stdout.write(`${what.padEnd(34)} ${String(text)}\n`);

const { port1, port2 } = new MessageChannel();
// Once built it is `new Worker(new URL('shop.js', import.meta.url), …)`: only a thread that runs TypeScript as it is has to be taught that.
const start = `import('tsx/esm/api').then(({ tsImport }) => tsImport('./shop.ts', '${import.meta.url}'))`;
const worker = new Worker(start, { eval: true, workerData: port2, transferList: [port2] });
const ended = new Promise((resolve) => worker.once('exit', resolve));
const transports = [threads(port1)];

const client = createClient({ servers: 'worker@shop', transports });
let turns = 0;
const ticking = setInterval(() => turns++, 5);
tell('primes below a million:', await client.call('Shop', 'Primes', 1_000_000, { timeoutMs: 60_000 }));
clearInterval(ticking);
tell('this thread went on meanwhile:', turns > 5);

const elsewhere = createClient({ servers: 'worker@bakery', transports });
await elsewhere.call('Bakery', 'Price', null).catch((error: unknown) => tell('a name that nobody listens on:', RpcError.is(error) ? error.code : error));
await elsewhere.close();

await client.call('Shop', 'Close', null);
await client.close();
tell('the thread has ended with code:', await ended);

for (const one of cases) await one.run();
process.stdout.write(`${conformsLine('rpcxjs-transport-threads', cases)}\n`);
