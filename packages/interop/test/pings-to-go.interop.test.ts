import { expect, it } from 'vitest';
import { createClient } from '@rpcxjs/client';
import { tcp } from '@rpcxjs/transport-tcp';
import { startGoServer } from '../src/index.ts';
import { Arith } from './arith.ts';
import { codecs } from './typescript-server.ts';
import { describeWithGo } from './with-go.ts';

describeWithGo('pools and pings to a Go server', () => {
  it('M22: a ping is the time that it takes to echo, alone and beside calls', async () => {
    await using go = await startGoServer();
    await using client = createClient({ servers: go.address, transports: [tcp()], codecs, pool: { connections: 2 } });
    await client.ready();
    expect(client.stats().connections).toBe(2);
    const arith = client.service(Arith);
    const calls = Array.from({ length: 200 }, (_, index) => arith.Mul({ A: index, B: 2 }));
    for (let round = 0; round < 10; round++) {
      const ms = await client.ping(go.address, { timeoutMs: 5000 });
      expect(ms).toBeGreaterThanOrEqual(0);
      expect(ms).toBeLessThan(5000);
    }
    expect(await Promise.all(calls)).toEqual(Array.from({ length: 200 }, (_, index) => ({ C: index * 2 })));
    await client.closeConnections(go.address);
    expect(await arith.Mul({ A: 6, B: 7 })).toEqual({ C: 42 });
    expect(client.stats()).toMatchObject({ failed: 0, lateReplies: 0 });
    await go.process.kill();
    const gone = await client.ping(go.address, { timeoutMs: 5000 }).then(() => 'answered', (error: { readonly code: string }) => error.code);
    expect(gone).toBe('unavailable');
  });
});
