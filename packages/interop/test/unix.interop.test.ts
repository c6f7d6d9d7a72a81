import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createClient } from '@rpcxjs/client';
import { unix } from '@rpcxjs/transport-unix';
import { startGoClient, startGoServer } from '../src/index.ts';
import { Arith } from './arith.ts';
import { codecs, startTypeScriptServer } from './typescript-server.ts';
import { describeWithGo } from './with-go.ts';

describeWithGo('a Unix socket', () => {
  let folder: string;
  beforeAll(() => { folder = mkdtempSync(join(tmpdir(), 'rpcxjs-unix-')); });
  afterAll(() => { rmSync(folder, { recursive: true, force: true }); });

  it('carries calls from TypeScript to Go', async () => {
    await using go = await startGoServer({ network: 'unix', address: join(folder, 'go.sock') });
    await using client = createClient({ servers: go.address, transports: [unix()], codecs });
    const arith = client.service(Arith);
    const replies = await Promise.all(Array.from({ length: 500 }, (_, n) => arith.Mul({ A: n, B: 2 })));
    expect(replies).toEqual(Array.from({ length: 500 }, (_, n) => ({ C: 2 * n })));
    expect(await arith.Say({ Text: `${'服'.repeat(1000)}*100` })).toEqual({ Text: '服'.repeat(100_000) });
  });

  it('carries calls from Go to TypeScript', async () => {
    await using peer = await startTypeScriptServer({ transports: [unix()] }, `unix@${join(folder, 'ts.sock')}`);
    expect(peer.address).toBe(`unix@${join(folder, 'ts.sock')}`);
    await using go = await startGoClient();
    const connection = await go.connect({ servers: [peer.address], heartbeatMs: 50 });
    expect(await connection.many(2000, 50)).toMatchObject({ failed: 0 });
    expect(await connection.survive('Arith', 10, 300)).toMatchObject({ failed: 0 });
    await connection.close();
  });

  it('is one of several addresses of a server', async () => {
    await using peer = await startTypeScriptServer({ transports: [unix()] }, `unix@${join(folder, 'a.sock')}`);
    const [second = ''] = await peer.server.listen(`unix@${join(folder, 'b.sock')}`);
    await using go = await startGoClient();
    const connection = await go.connect({ servers: [peer.address, second], mode: 'xclient' });
    expect(await connection.many(100, 1)).toMatchObject({ failed: 0 });
    expect(peer.server.stats().connectionsAccepted).toBe(2);
    await connection.close();
  });
});
