// Servers that nobody has a list of: they write themselves into a directory, and a client reads it.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { conformsLine } from '@rpcxjs/conformance';
import { createClient, createServer } from '@rpcxjs/rpcx';
import { directoryRegistry } from './src/index.ts';
import { casesOfDirectoryRegistry } from './test/cases.ts';

const directory = await mkdtemp(join(tmpdir(), 'registry-'));
const registry = directoryRegistry({ directory: join(directory, 'shop') });

async function start(name: string) {
  const server = createServer({ registries: [registry], advertise: { metadata: { weight: '1' } } });
  server.registerFunction('Shop', 'Who', () => name);
  await server.listen('tcp@127.0.0.1:0');
  return server;
}
const north = await start('north');
const south = await start('south');

// Another value over the same directory, as another process would have it.
const discovery = directoryRegistry({ directory: join(directory, 'shop') });
const client = createClient({ discovery });
async function whoAnswers(): Promise<string> {
  const names = new Set<unknown>();
  for (let count = 0; count < 20; count++) names.add(await client.call('Shop', 'Who', null));
  return [...names].sort((a, b) => String(a).localeCompare(String(b))).join(' and ');
}
async function tell(what: string, expected: string): Promise<void> {
  // A change is seen within 50 ms, or later when the machine is busy.
  const until = performance.now() + 10_000;
  let found = await whoAnswers();
  while (found !== expected && performance.now() < until) found = await whoAnswers();
  process.stdout.write(`${what.padEnd(40)} ${found}\n`);
}
await tell('two are registered:', 'north and south');
await north.advertise({ state: 'inactive' });
await tell('north says that it is inactive:', 'south');
await north.advertise({ state: undefined });
await tell('north is back:', 'north and south');
await south.close();
await tell('south has closed:', 'north');

await client.close();
await north.close();
await Promise.all([registry.close(), discovery.close()]);

const cases = casesOfDirectoryRegistry(directory);
for (const one of cases) await one.run();
process.stdout.write(`${conformsLine('rpcxjs-registry-directory', cases)}\n`);
await rm(directory, { recursive: true });
