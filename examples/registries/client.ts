// A client of every service that the registry lists: `node --import tsx client.ts etcd 127.0.0.1:2379`. It says who is listed, and who answers.
import { setTimeout as wait } from 'node:timers/promises';
import { consoleLogger, createClient, roundRobin, systemClock } from '@rpcxjs/rpcx';
import { openRegistry } from './open-registry.ts';
import type { Where } from './where.ts';

const ended = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => { ended.abort(); });

const registry = await openRegistry(process.argv.slice(2));
const client = createClient({ discovery: registry, selector: roundRobin() });
const where = client.service<Where>('Where', { idempotent: ['Who'] });
await Promise.all([list(), call()]);
await client.close();
await registry.close();

async function list(): Promise<void> {
  const runtime = { clock: systemClock, logger: consoleLogger(systemClock) };
  try {
    for await (const servers of registry.watch('Where', { runtime, signal: ended.signal })) console.log(`listed: ${servers.map(({ address }) => address).join(', ') || 'nobody'}`);
  } catch (error) {
    if (!ended.signal.aborted) throw error;
  }
}

async function call(): Promise<void> {
  while (!ended.signal.aborted) {
    const answers: Record<string, number> = {};
    for (let id = 0; id < 10; id++) {
      const who = await where.Who({ ID: id }).then(({ From }) => From, String);
      answers[who] = (answers[who] ?? 0) + 1;
    }
    console.log(`answered: ${Object.entries(answers).map(([who, count]) => `${count} by ${who}`).join(', ')}`);
    await wait(500, undefined, { signal: ended.signal }).catch(() => {});
  }
}
