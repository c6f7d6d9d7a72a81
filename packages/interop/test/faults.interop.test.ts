import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { formatAddress } from '@rpcxjs/core';
import { createClient } from '@rpcxjs/client';
import { faultProxy } from '@rpcxjs/testing';
import { tcp } from '@rpcxjs/transport-tcp';
import { type GoClient, type GoServer, startGoClient, startGoServer } from '../src/index.ts';
import { Arith } from './arith.ts';
import { recordingLogger } from './recording-logger.ts';
import { codecs, startTypeScriptServer, type TypeScriptServer } from './typescript-server.ts';
import { describeWithGo } from './with-go.ts';

/** Payloads of sizes that straddle every buffer on the way, each byte of which is looked at. */
function payloads(count: number): Uint8Array[] {
  const sizes = [1, 15, 16, 17, 1000, 16_383, 16_384, 65_535, 65_536, 65_537, 300_000];
  return Array.from({ length: count }, (_, n) => new Uint8Array((sizes[n % sizes.length] ?? 1) + (n % 7)).map((__, index) => index * 31 + n));
}

describeWithGo('on a bad line to Go', () => {
  let go: GoServer;
  let goClient: GoClient;
  let peer: TypeScriptServer;
  beforeAll(async () => { [go, goClient, peer] = await Promise.all([startGoServer(), startGoClient(), startTypeScriptServer()]); });
  afterAll(async () => { await Promise.all([go.process.stop(), goClient.process.stop(), peer.server.close()]); });

  it('frames cut into single bytes arrive whole, from TypeScript to Go', async () => {
    await using proxy = await faultProxy({ target: go.address });
    proxy.toServer.set({ sliceBytes: 1 });
    proxy.toClient.set({ sliceBytes: 1 });
    await using client = createClient({ servers: formatAddress(proxy.address), transports: [tcp()], codecs });
    const arith = client.service(Arith);
    expect(await Promise.all(Array.from({ length: 50 }, (_, n) => arith.Mul({ A: n, B: 3 })))).toEqual(Array.from({ length: 50 }, (_, n) => ({ C: 3 * n })));
    await expect(arith.Fail({ Text: '错误' })).rejects.toMatchObject({ message: '错误' });
  });

  it('frames cut into single bytes arrive whole, from Go to TypeScript', async () => {
    await using proxy = await faultProxy({ target: peer.address });
    proxy.toServer.set({ sliceBytes: 1 });
    proxy.toClient.set({ sliceBytes: 1 });
    const connection = await goClient.connect({ servers: [formatAddress(proxy.address)], heartbeatMs: 50 });
    expect(await connection.many(50, 10)).toMatchObject({ failed: 0 });
    expect(await connection.call('Arith', 'EchoMeta', { shape: 'Text', reply: 'MetaReply', metadata: { 'reply-服务': '值' } })).toMatchObject({ metadata: { 'reply-服务': '值' } });
    await connection.close();
  });

  it('payloads of all sizes at once come back byte for byte, in odd slices', async () => {
    await using proxy = await faultProxy({ target: go.address });
    proxy.toServer.set({ sliceBytes: 7001 });
    proxy.toClient.set({ sliceBytes: 16_384 });
    await using client = createClient({ servers: formatAddress(proxy.address), transports: [tcp()], codecs });
    const bytes = client.service<{ Echo(payload: Uint8Array): Promise<Uint8Array> }>('Bytes', { codec: 'bytes' });
    const sent = payloads(66);
    const back = await Promise.all(sent.map((payload) => bytes.Echo(payload)));
    expect(back.map((payload, n) => Buffer.compare(payload, sent[n] ?? new Uint8Array(0)))).toEqual(sent.map(() => 0));
  });

  it('a message of 8 MiB goes through, both ways', async () => {
    await using client = createClient({ servers: go.address, transports: [tcp()], codecs });
    const bytes = client.service<{ Echo(payload: Uint8Array): Promise<Uint8Array> }>('Bytes', { codec: 'bytes' });
    const payload = new Uint8Array(8 * 1024 * 1024).map((_, index) => index);
    expect(Buffer.compare(await bytes.Echo(payload), payload)).toBe(0);
    const connection = await goClient.connect({ servers: [peer.address], serialize: 0 });
    const argsHex = Buffer.from(payload).toString('hex');
    expect((await connection.call('Bytes', 'Echo', { shape: 'bytes', argsHex, reply: 'bytes' })).hex === argsHex).toBe(true);
    await connection.close();
  });

  it('a message that is longer than the server allows is refused by name, and Go gets to know why', async () => {
    await using strict = await startTypeScriptServer({ limits: { maxFrameBytes: 10_000 }, logger: recordingLogger() });
    const connection = await goClient.connect({ servers: [strict.address], serialize: 0 });
    expect((await connection.call('Bytes', 'Echo', { shape: 'bytes', argsHex: '00'.repeat(20_000), reply: 'bytes' })).error).toMatch(/10000/);
    await connection.close();
  });

  it('a connection reset in the middle of a reply fails that call, and the next one has a new connection', async () => {
    await using proxy = await faultProxy({ target: go.address });
    await using client = createClient({ servers: formatAddress(proxy.address), transports: [tcp()], codecs });
    const arith = client.service(Arith);
    expect(await arith.Mul({ A: 1, B: 1 })).toEqual({ C: 1 });
    proxy.toClient.set({ limitBytes: proxy.toClient.bytes + 20 });
    await expect(arith.Say({ Text: 'half of this never comes' })).rejects.toMatchObject({ code: 'unavailable', reason: 'CONNECTION_LOST' });
    proxy.toClient.set({});
    expect(await arith.Mul({ A: 2, B: 2 })).toEqual({ C: 4 });
    expect(proxy.accepted).toBe(2);
  });

  it('calls that are idempotent survive resets, those that are not fail', async () => {
    await using proxy = await faultProxy({ target: go.address });
    await using client = createClient({ servers: formatAddress(proxy.address), transports: [tcp()], codecs });
    const repeatable = client.service(Arith, { idempotent: ['Sleep'] });
    const once = client.service(Arith);
    for (let round = 1; round <= 3; round++) {
      const passed = proxy.toServer.bytes;
      const calls = [1, 2, 3].map((ID) => repeatable.Sleep({ Ms: 100, ID }));
      const lost = once.Sleep({ Ms: 100, ID: 4 }).catch((error: unknown) => error);
      await vi.waitFor(() => { expect(proxy.toServer.bytes - passed).toBeGreaterThan(4 * 60); }, { interval: 5 });
      proxy.resetAll();
      expect(await Promise.all(calls)).toEqual([{ ID: 1 }, { ID: 2 }, { ID: 3 }]);
      expect(await lost).toMatchObject({ code: 'unavailable', reason: 'CONNECTION_LOST' });
      expect(proxy.accepted).toBe(1 + round);
    }
  });

  it('a line that swallows everything is given up within 6 s, and a Go server on a good one is found', async () => {
    await using proxy = await faultProxy({ target: go.address });
    await using client = createClient({ servers: formatAddress(proxy.address), transports: [tcp()], codecs, timeoutMs: 30_000 });
    const arith = client.service(Arith);
    expect(await arith.Mul({ A: 1, B: 1 })).toEqual({ C: 1 });
    proxy.toServer.set({ blackHole: true });
    proxy.toClient.set({ blackHole: true });
    const at = performance.now();
    await expect(arith.Add({ A: 1, B: 1 })).rejects.toMatchObject({ code: 'unavailable', reason: 'PEER_SILENT' });
    expect(performance.now() - at).toBeLessThan(6000);
    proxy.toServer.set({});
    proxy.toClient.set({});
    expect(await arith.Add({ A: 2, B: 2 })).toEqual({ C: 4 });
  });
});
