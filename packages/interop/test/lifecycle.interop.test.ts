import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { createClient } from '@rpcxjs/client';
import { tcp } from '@rpcxjs/transport-tcp';
import { unix } from '@rpcxjs/transport-unix';
import { type GoClient, startGoClient, startGoServer } from '../src/index.ts';
import { Arith } from './arith.ts';
import { codecs, startTypeScriptServer } from './typescript-server.ts';
import { describeWithGo } from './with-go.ts';

const call = { shape: 'Args', args: { A: 6, B: 7 }, reply: 'Reply' };

class Calculator {
  readonly #factor = 2;
  Mul({ A, B }: { A: number; B: number }): { C: number } {
    return { C: A * B * this.#factor };
  }
  Secret(): { C: number } {
    return { C: 0 };
  }
}

describeWithGo('life cycle with Go peers', () => {
  let go: GoClient;
  beforeAll(async () => { go = await startGoClient(); });
  afterAll(async () => { await go.process.stop(); });

  it('a server listens on several transports at once', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'rpcxjs-listen-'));
    await using peer = await startTypeScriptServer({ transports: [tcp(), unix()] });
    const others = await peer.server.listen('tcp@127.0.0.1:0', `unix@${join(folder, 's.sock')}`);
    for (const address of [peer.address, ...others]) {
      const connection = await go.connect({ servers: [address] });
      expect(await connection.call('Arith', 'Mul', call), address).toMatchObject({ value: { C: 42 } });
      await connection.close();
    }
    rmSync(folder, { recursive: true, force: true });
  });

  it('a closing server lets the calls of Go clients finish, and takes no new connection', async () => {
    await using peer = await startTypeScriptServer();
    const connection = await go.connect({ servers: [peer.address] });
    const pending = connection.survive('Arith', 20, 500);
    await vi.waitFor(() => { expect(peer.server.stats().running).toBe(20); });
    await peer.server.close();
    expect(await pending).toMatchObject({ calls: 20, failed: 0, firstError: null });
    await expect(go.connect({ servers: [peer.address] })).rejects.toThrow(/refused/);
    expect((await connection.call('Arith', 'Mul', call)).error).toBeTruthy();
  });

  it('an aborted server ends them at once', async () => {
    await using peer = await startTypeScriptServer();
    const connection = await go.connect({ servers: [peer.address] });
    const pending = connection.survive('Arith', 5, 30_000);
    await vi.waitFor(() => { expect(peer.server.stats().running).toBe(5); });
    peer.server.abort();
    expect(await pending).toMatchObject({ failed: 5, firstError: expect.stringMatching(/EOF|reset|shut down/) });
  });

  it('a closing client lets its calls to Go finish', async () => {
    await using server = await startGoServer();
    const client = createClient({ servers: server.address, transports: [tcp()], codecs });
    const pending = client.service(Arith).Sleep({ Ms: 300, ID: 4 });
    await vi.waitFor(() => { expect(client.stats().connections).toBe(1); });
    await client.close();
    expect(await pending).toEqual({ ID: 4 });
    await expect(client.service(Arith).Mul({ A: 1, B: 1 })).rejects.toMatchObject({ reason: 'CLOSED' });
  });

  it('the methods of a class that were listed can be called, the others cannot', async () => {
    await using peer = await startTypeScriptServer();
    peer.server.register('Calculator', new Calculator(), { methods: ['Mul'] });
    const connection = await go.connect({ servers: [peer.address] });
    expect(await connection.call('Calculator', 'Mul', call)).toMatchObject({ value: { C: 84 } });
    for (const method of ['Secret', 'constructor', 'toString', '__proto__']) expect((await connection.call('Calculator', method, call)).error, method).toBe(`rpcx: can't find method ${method}`);
    await connection.close();
  });

  it('a Go client that goes to another server when one fails finds ours', async () => {
    await using peer = await startTypeScriptServer();
    const connection = await go.connect({ servers: ['tcp@127.0.0.1:1', peer.address], mode: 'xclient', failMode: 'failover' });
    for (let n = 0; n < 10; n++) expect(await connection.call('Arith', 'Mul', call)).toMatchObject({ value: { C: 42 } });
    await connection.close();
  });

  it('a TypeScript client goes on to the Go server that is left', async () => {
    await using first = await startGoServer();
    await using second = await startGoServer();
    await using client = createClient({ servers: [first.address, second.address], transports: [tcp()], codecs });
    const arith = client.service(Arith);
    await Promise.all(Array.from({ length: 20 }, (_, n) => arith.Mul({ A: n, B: 1 })));
    expect(client.stats().connections).toBe(2);
    await first.process.kill();
    for (let n = 0; n < 20; n++) expect(await arith.Mul({ A: n, B: 2 })).toEqual({ C: 2 * n });
  });
});
