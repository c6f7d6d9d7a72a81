import { readFileSync } from 'node:fs';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { silentLogger, systemClock } from '@rpcxjs/core';
import { Heard } from '@rpcxjs/transport-sides';
import { describe, expect, it } from 'vitest';
import { tcp } from '../src/index.ts';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void; // V8's own, once it is exposed

const pem = (name: string): string => readFileSync(new URL(`fixtures/${name}`, import.meta.url), 'utf8');
const ca = pem('ca.crt');
const serving = tcp({ tls: { ca, cert: pem('server.crt'), key: pem('server.key'), clientCertificate: 'require' } });
const dialling = tcp({ tls: { ca, cert: pem('client.crt'), key: pem('client.key') } });
const runtime = { clock: systemClock, logger: silentLogger };

async function connections(count: number): Promise<void> {
  const listener = await serving.listen({ network: 'tcp', host: '127.0.0.1:0' }, { runtime, accept: (connection) => connection.start(new Heard()) });
  const one = async (): Promise<void> => {
    const connection = await dialling.dial(listener.address, { runtime });
    connection.start(new Heard());
    await connection.close();
  };
  for (let begun = 0; begun < count; begun += 10) await Promise.all(Array.from({ length: 10 }, one));
  await listener.close();
  collect();
}

describe('3000 connections with verified certificates', () => {
  let before = 0;
  // Each in a test of its own: the leak check keeps what it knows of timers until the test ends.
  it.each([1, 2, 3, 4, 5])('end (%i)', async (round) => {
    await connections(1000);
    if (round === 2) before = process.memoryUsage().rss;
  });

  it('leave nothing of the certificates in memory', () => {
    collect();
    expect((process.memoryUsage().rss - before) / 1e6).toBeLessThan(15);
  });
});
