// Servers that nobody has a list of: they write themselves into a directory, and a client reads it.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { conformsLine } from '@rpcxjs/conformance';
import { consoleLogger, createClient, createServer, systemClock } from '@rpcxjs/rpcx';
import { directoryRegistry } from './src/index.ts';
import { casesOfDirectoryRegistry } from './test/cases.ts';

const directory = await mkdtemp(join(tmpdir(), 'registry-'));
const registry = directoryRegistry({ directory: join(directory, 'shop') });
const runtime = { clock: systemClock, logger: consoleLogger(systemClock) };

async function start(name: string) {
  const server = createServer();
  server.registerFunction('Shop', 'Who', () => name);
  const [address = ''] = await server.listen('tcp@127.0.0.1:0');
  const lease = await registry.register({ service: 'Shop', instance: { address, metadata: { weight: '1' } } }, { runtime });
  return { server, lease };
}
const north = await start('north');
const south = await start('south');

// Another value over the same directory, as another process would have it.
const client = createClient({ discovery: directoryRegistry({ directory: join(directory, 'shop') }) });
async function whoAnswers(): Promise<string> {
  const names = new Set<unknown>();
  for (let count = 0; count < 20; count++) names.add(await client.call('Shop', 'Who', null));
  return [...names].sort((a, b) => String(a).localeCompare(String(b))).join(' and ');
}
async function tell(what: string, expected: string): Promise<void> {
  // A change takes the operating system a moment to report.
  let found = await whoAnswers();
  for (let tries = 0; found !== expected && tries < 100; tries++) found = await whoAnswers();
  process.stdout.write(`${what.padEnd(40)} ${found}\n`);
}
await tell('two are registered:', 'north and south');
await north.lease.update({ weight: '1', state: 'inactive' });
await tell('north says that it is inactive:', 'south');
await north.lease.update({ weight: '1' });
await tell('north is back:', 'north and south');
await south.lease.release();
await tell('south has left the directory:', 'north');

await client.close();
await registry.close();
await Promise.all([north.server.close(), south.server.close()]);

const cases = casesOfDirectoryRegistry(directory);
for (const one of cases) await one.run();
process.stdout.write(`${conformsLine('rpcxjs-registry-directory', cases)}\n`);
await rm(directory, { recursive: true });
