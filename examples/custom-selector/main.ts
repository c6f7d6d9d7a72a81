// Servers in two zones and a client in one of them: its calls stay there until nobody is left.
import { conformsLine } from '@rpcxjs/conformance';
import { createClient, createServer, inprocess, roundRobin } from '@rpcxjs/rpcx';
import { inZone } from './src/index.ts';
import { cases } from './test/cases.ts';

const registry = inprocess();
async function start(name: string, zone: string) {
  const server = createServer({ registries: [registry], advertise: { metadata: { zone } } });
  server.registerFunction('Shop', 'Who', () => name);
  await server.listen('tcp@127.0.0.1:0');
  return server;
}
const berlin = await start('Berlin', 'eu');
const paris = await start('Paris', 'eu');
const boston = await start('Boston', 'us');

const client = createClient({ discovery: registry, selector: inZone('eu', roundRobin()) });
async function tell(what: string): Promise<void> {
  const names = new Set<string>();
  for (let count = 0; count < 12; count++) names.add(await client.call('Shop', 'Who', null));
  process.stdout.write(`${what.padEnd(28)} ${[...names].sort((a, b) => a.localeCompare(b)).join(' and ')}\n`);
}
await tell('all are there:');
await berlin.close();
await tell('Berlin has closed:');
await paris.close();
await tell('nobody is left in the zone:');
const madrid = await start('Madrid', 'eu');
await tell('Madrid has opened:');

await client.close();
await Promise.all([boston.close(), madrid.close()]);

for (const one of cases) await one.run();
process.stdout.write(`${conformsLine('inZone', cases)}\n`);
