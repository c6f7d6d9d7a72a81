// Ends very many calls in all the ways in which calls end badly, and says what is left of them: one JSON object of settings in, one line of JSON out. Needs --expose-gc.
import { createServer as createSocketServer } from 'node:net';
import { msgpack } from '@rpcxjs/codec-msgpack';
import { createClient, failfast, type Client } from '@rpcxjs/client';
import { createServer } from '@rpcxjs/server';
import { tcp } from '@rpcxjs/transport-tcp';

export interface Endings {
  readonly calls: number;
  readonly codes: Readonly<Record<string, number>>;
  /** Growth of the heap between a tenth of the calls and all of them, after a collection. */
  readonly heapMb: number;
  /** Growth of the resident memory in the same time. */
  readonly rssMb: number;
  readonly active: number;
  readonly queued: number;
  readonly running: number;
  readonly timers: number;
  readonly listeners: number;
}

const [kind, calls] = JSON.parse(process.argv[2] ?? '[]') as [string, number]; // of whoever starts it
const inFlight = 2000;
const codes: Record<string, number> = {};
const shared = new AbortController();
let listeners = 0;
const { signal } = shared;
const { addEventListener, removeEventListener } = signal;
signal.addEventListener = (...args: Parameters<AbortSignal['addEventListener']>) => { listeners += 1; addEventListener.apply(signal, args); };
signal.removeEventListener = (...args: Parameters<AbortSignal['removeEventListener']>) => { listeners -= 1; removeEventListener.apply(signal, args); };

const server = createServer({ transports: [tcp()], codecs: [msgpack], limits: { maxQueuedCalls: 100_000 } });
server.registerFunction('Work', 'Never', (_: never, call) => new Promise((_resolve, reject) => { call.signal.addEventListener('abort', () => { reject(call.signal.reason); }); }));
server.registerFunction('Work', 'Echo', (input: unknown) => input);
const [address = ''] = await server.listen('tcp@127.0.0.1:0');

async function closedPort(): Promise<string> {
  const probe = createSocketServer();
  await new Promise<void>((resolve) => { probe.listen(0, '127.0.0.1', resolve); });
  const bound = probe.address();
  await new Promise((resolve) => { probe.close(resolve); });
  return `tcp@127.0.0.1:${typeof bound === 'object' ? bound?.port : 0}`;
}

const client: Client = createClient({ servers: kind === 'connect' ? await closedPort() : address, transports: [tcp()], codecs: [msgpack], failMode: failfast() });

const ways: Readonly<Record<string, () => Promise<unknown>>> = {
  timeout: () => client.call('Work', 'Never', null, { timeoutMs: 5 }),
  cancel() {
    const controller = new AbortController();
    const call = client.call('Work', 'Never', null, { signal: controller.signal });
    setImmediate(() => { controller.abort(); });
    return call;
  },
  connect: () => client.call('Work', 'Echo', null),
  signal: () => client.call('Work', 'Echo', 1, { signal }),
};
const way = ways[kind] ?? (() => Promise.reject(new Error(`no such way: ${kind}`)));

async function spend(count: number): Promise<void> {
  let left = count;
  const worker = async (): Promise<void> => {
    while (--left >= 0) {
      const code = await way().then(() => 'ok', (error: unknown) => String((error as { code?: string }).code));
      codes[code] = (codes[code] ?? 0) + 1;
    }
  };
  await Promise.all(Array.from({ length: inFlight }, worker));
}

/** What is weak goes in the turns after a collection, and with one that follows: the least of many collections is what is really held. */
async function settledMemory(): Promise<NodeJS.MemoryUsage> {
  let least = process.memoryUsage();
  for (let round = 0; round < 25; round++) {
    globalThis.gc?.();
    await new Promise((resolve) => { setTimeout(resolve, 30); });
    const now = process.memoryUsage();
    if (now.heapUsed < least.heapUsed) least = now;
  }
  return least;
}
/** Lets what is on its way arrive: for ten seconds at most. */
async function rest(done: () => boolean): Promise<void> {
  for (let turn = 0; turn < 1000 && !done(); turn++) await new Promise((resolve) => { setTimeout(resolve, 10); });
}
let heard = -1;
/** No handler runs, and replies that nobody waits for come no more. */
function idle(): boolean {
  const before = heard;
  heard = client.stats().traffic.bytesRead;
  return server.stats().running === 0 && heard === before;
}
const timersLeft = (): number => process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length;

// Cancels before the first answer of a server are kept for it, but not in any number.
if (kind !== 'connect') await client.call('Work', 'Echo', 0);
await spend(Math.floor(calls / 10));
await rest(idle);
const before = await settledMemory();
await spend(calls - Math.floor(calls / 10));
await rest(idle);
const after = await settledMemory();
const { active, queued } = client.stats();
const { running } = server.stats();
await client.close();
await server.close();
for (const until = performance.now() + 2000; performance.now() < until && timersLeft() > 0;) await new Promise((resolve) => { setImmediate(resolve); });
const megabytes = (bytes: number): number => Math.round(bytes / 10_486) / 100;
const endings: Endings = {
  calls, codes, heapMb: megabytes(after.heapUsed - before.heapUsed), rssMb: megabytes(after.rss - before.rss), active, queued, running, timers: timersLeft(), listeners,
};
process.stdout.write(`${JSON.stringify(endings)}\n`);
