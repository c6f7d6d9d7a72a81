import { setTimeout as wait } from 'node:timers/promises';
import { createClient, type Discovery } from '@rpcxjs/rpcx';
import { listed } from './listed.ts';
import { LiveTable } from './node-table.ts';
import { Orders } from './orders.ts';
import type { Shop } from './shops.ts';
import { chapter, tell } from './story.ts';

/** Three server processes, traffic, and one of them killed in the middle of it. */
export async function survive(shops: readonly Shop[], discovery?: Discovery): Promise<void> {
  chapter('One of three server processes is killed under load, and nobody notices');
  const client = createClient(discovery === undefined ? { servers: shops.map(({ address }) => address) } : { discovery });
  if (discovery !== undefined) tell('found in the registry', await listed(discovery, 'Orders', shops.length));
  const orders = client.service(Orders);
  const table = new LiveTable(client);
  let answered = 0;
  const callers = Array.from({ length: 20 }, async (_, caller) => {
    for (let count = 0; count < 100; count++) {
      await orders.Find({ Id: caller * 100 + count });
      answered += 1;
      await wait(10);
    }
  });
  await wait(300);
  table.show('before');
  await shops[1]?.kill();
  await wait(300);
  table.show('0.3 s after one was killed');
  const well = client.nodes().filter(({ state }) => state === 'healthy').length;
  await Promise.all(callers);
  table.stop();
  tell('servers that calls went to after that', `${well} of ${shops.length}`);
  tell('calls answered of 2000', answered);
  await client.close();
  await Promise.all(shops.map((shop) => shop.kill()));
}
