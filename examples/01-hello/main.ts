// A tour through rpcx for TypeScript in one terminal: servers, a client, calls, and what happens when they go wrong.
import { createClient, isError, type Client } from '@rpcxjs/rpcx';
import { Orders } from './orders.ts';
import { listed } from './listed.ts';
import { openRegistries, registryAddress } from './registry-of.ts';
import { startServer } from './server.ts';
import { startShop } from './shops.ts';
import { chapter, failure, tell } from './story.ts';
import { survive } from './survival.ts';
import { meetGo } from './with-go.ts';

const place = registryAddress(process.argv.slice(2));
// What was killed stays listed for its time to live: each run has services of its own.
const run = `${process.pid}`;
const [registry, shopRegistry] = place === undefined ? [] : await openRegistries(place, [`orders_${run}`, `shops_${run}`]);
// They take a moment to start, and are needed at the end.
const starting = Promise.all(['east', 'west', 'centre'].map((name) => startShop(name, place === undefined ? [] : [place, `shops_${run}`])));

chapter('Two servers');
const north = await startServer('north', registry);
const south = await startServer('south', registry);
tell('north listens on', north.address);
tell('south listens on', south.address);
if (registry !== undefined) tell(`found in ${place}`, await listed(registry, 'Orders', 2));
const client = createClient(registry === undefined ? { servers: [north.address, south.address] } : { discovery: registry });
const orders = client.service(Orders);

chapter('Typed calls, to both servers');
const found = [await orders.Find({ Id: 1 }), await orders.Find({ Id: 2 })].sort((a, b) => a.Sku.localeCompare(b.Sku));
tell('orders.Find({ Id: 1 })', found[0]?.Sku);
tell('orders.Find({ Id: 2 })', found[1]?.Sku);
tell('they came from', [...new Set(found.map(({ From }) => From))].sort().join(' and '));
const onReply = ({ metadata }: { metadata: Readonly<Record<string, string>> }) => tell("metadata { user: 'ada' } comes back as", metadata['served-by']?.replace(/^\w+/, 'a server'));
await orders.Find({ Id: 3 }, { metadata: { user: 'ada' }, onReply });

chapter('Errors that say what happened');
const soldOut = await failure(orders.Place({ Sku: 'A1', Count: 9 }));
if (isError(Orders.methods.Place, 'OutOfStock', soldOut)) tell('orders.Place({ Count: 9 }) fails as declared', `${soldOut.code}, ${soldOut.details?.left} left`);
tell('a method that nobody has', (await failure(client.call('Orders', 'Burn', {}))).message);
const late = await failure(orders.Pack({ Ms: 5000 }, { timeoutMs: 50 }));
tell('a deadline of 50 ms, which stops the handler', `${late.code}`);

chapter('A message that the server sends by itself');
const shipped = client.pushes(Orders.methods.Shipped);
tell('orders.Place({ Count: 1 })', await orders.Place({ Sku: 'A1', Count: 1 }));
tell('pushed meanwhile', (await shipped.next()).value);

chapter('Figures, client and servers in this one process');
// Whoever is still starting would be measured as well.
const shops = await starting;
await measure(client);

await meetGo(north.address);

await client.close();
await Promise.all([north.server.close(), south.server.close()]);

await survive(shops, shopRegistry);
await registry?.close();
await shopRegistry?.close();
process.stdout.write('\nThe code of this tour is in examples/01-hello.\n');

async function measure(caller: Client): Promise<void> {
  const service = caller.service(Orders);
  const times: number[] = [];
  const started = performance.now();
  const until = started + 1000;
  await Promise.all(
    Array.from({ length: 100 }, async () => {
      for (let now = performance.now(); now < until; ) {
        await service.Find({ Id: 1 });
        const after = performance.now();
        times.push(after - now);
        now = after;
      }
    }),
  );
  const seconds = (performance.now() - started) / 1000;
  times.sort((a, b) => a - b);
  const at = (share: number) => `${(times[Math.floor(times.length * share)] ?? 0).toFixed(2)} ms`;
  tell('calls a second, 100 in flight', Math.round(times.length / seconds).toLocaleString('en'));
  tell('half of them, and 99 of 100, answered within', `${at(0.5)}, ${at(0.99)}`);
}
