// What the page does, without a browser: the same client, over the same port.
import { gzipSync } from 'node:zlib';
import { createClient } from '@rpcxjs/client/lean';
import { isError } from '@rpcxjs/core';
import { webSocket } from '@rpcxjs/transport-ws';
import { Board } from './board.ts';
import { openSite } from './site.ts';

const tell = (what: string, value: unknown): void => void process.stdout.write(`${what.padEnd(44)} ${String(value)}\n`);
const site = await openSite(0);
const page = await fetch(site.url);
tell('the page', `${page.status} ${page.headers.get('content-type') ?? ''}`);
tell('its script, gzipped', `${(gzipSync(site.script).length / 1000).toFixed(1)} kB, all of rpcx in it`);

const joined: number[] = [];
const client = createClient({
  servers: `ws@${new URL(site.url).host}`,
  transports: [webSocket()],
  onConnection: (connected) => {
    if (connected) void board.Join({ Name: 'ada' }).then(({ Server }) => joined.push(Server));
  },
});
const board = client.service(Board);
const heard = client.pushes(Board.methods.Said);
await client.ready();
tell('a push', JSON.stringify((await heard.next()).value));
tell("board.Say({ Text: 'hello' })", JSON.stringify(await board.Say({ Text: 'hello' })));
tell('a push', JSON.stringify((await heard.next()).value));
const empty: unknown = await board.Say({ Text: ' ' }).catch((error: unknown) => error);
tell("board.Say({ Text: ' ' }) fails as declared", isError(Board.methods.Say, 'Empty', empty) ? empty.details?.hint : empty);

await site.restart();
tell('after a restart, by the connection that follows', JSON.stringify((await heard.next()).value));
tell("board.Say({ Text: 'still here' })", JSON.stringify(await board.Say({ Text: 'still here' })));
tell('it had joined server', joined.join(', then '));
await client.close();
await site.close();
