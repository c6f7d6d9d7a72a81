import { expect, it } from 'vitest';
import { createClient } from '@rpcxjs/client';
import { tcp } from '@rpcxjs/transport-tcp';
import { startGoClient, startGoServer } from '../src/index.ts';
import { Arith } from './arith.ts';
import { codecs, startTypeScriptServer } from './typescript-server.ts';
import { describeWithGo } from './with-go.ts';

const calls = 100_000;

describeWithGo('A6: 100 000 calls', () => {
  it.each(codecs.filter(({ name }) => name !== 'bytes'))('from TypeScript to Go, 0 failed, by $name', async (codec) => {
    await using go = await startGoServer();
    await using client = createClient({ servers: go.address, transports: [tcp()], codecs: [codec] });
    const arith = client.service(Arith);
    let next = 0;
    let wrong = 0;
    const worker = async (): Promise<void> => {
      for (let n = ++next; n <= calls; n = ++next) if ((await arith.Mul({ A: n, B: 3 })).C !== 3 * n) wrong += 1;
    };
    await Promise.all(Array.from({ length: 200 }, worker));
    expect(wrong).toBe(0);
    expect(client.stats()).toMatchObject({ failed: 0, lateReplies: 0, connections: 1 });
  });

  it.each(['failfast', 'failtry', 'failover', 'failbackup'] as const)('from Go to TypeScript, 0 failed, by %s', async (failMode) => {
    await using peer = await startTypeScriptServer();
    await using go = await startGoClient();
    const connection = await go.connect({ servers: [peer.address], mode: 'xclient', failMode });
    expect(await connection.many(calls, 200)).toMatchObject({ calls, failed: 0, firstError: null });
    await connection.close();
    expect(peer.server.stats()).toMatchObject({ failed: 0, running: 0 });
  });
});
