import { describe, expect, it } from 'vitest';
import { createClient } from '@rpcxjs/client';
import { formatAddress } from '@rpcxjs/core';
import { udpFaultProxy } from '@rpcxjs/testing';
import { kcp, type KcpOptions } from '@rpcxjs/transport-kcp';
import { buildGoKcpPrograms, type GoKcpOptions, startGoKcpClient, startGoKcpServer } from '../../src/index.ts';
import { Arith } from '../arith.ts';
import { recordingLogger } from '../recording-logger.ts';
import { codecs, startTypeScriptServer } from '../typescript-server.ts';

const built = await buildGoKcpPrograms();
if (built.missing !== undefined && process.env['CI'] !== undefined) throw new Error(`the Go peers must be there when CI is set: ${built.missing}`);

const key = { password: 'rpcx-key', salt: 'rpcx-salt' };
const badPath = { lossRatio: 0.05, duplicateRatio: 0.02, reorderRatio: 0.05 };
const fast: KcpOptions = { cipher: 'aes-256', key, noDelay: true, intervalMs: 10, fastResend: 2, congestionControl: false, sendWindow: 1024, receiveWindow: 1024 };
const setups: readonly (readonly [string, KcpOptions, GoKcpOptions])[] = [
  ['aes-256 and all defaults', { cipher: 'aes-256', key }, {}],
  ['aes-256, acknowledged without delay in stream mode', { cipher: 'aes-256', key, ackNoDelay: true, streamMode: true }, { tuned: true }],
  ['no cipher', {}, { cipher: 'none' }],
];

describe.skipIf(built.missing !== undefined)(`KCP${built.missing === undefined ? '' : ` (skipped: ${built.missing.split('\n')[0]})`}`, () => {
  for (const [name, ours, theirs] of setups) {
    it(`a TypeScript client calls a Go server: ${name}`, async () => {
      await using go = await startGoKcpServer(theirs);
      await using client = createClient({ servers: go.address, transports: [kcp(ours)], codecs });
      const arith = client.service(Arith);
      expect(await arith.Mul({ A: 6, B: 7 })).toEqual({ C: 42 });
      const answers = await Promise.all(Array.from({ length: 500 }, (_, n) => arith.Mul({ A: n, B: 3 })));
      expect(answers.every(({ C }, n) => C === 3 * n)).toBe(true);
    });

    it(`a Go client calls a TypeScript server: ${name}`, async () => {
      const logger = recordingLogger();
      await using peer = await startTypeScriptServer({ transports: [kcp(ours)], logger }, 'kcp@127.0.0.1:0');
      await using go = await startGoKcpClient({ address: peer.address, ...theirs, ...(theirs.tuned === true ? { heartbeat: '50ms' } : {}) });
      expect(await go.many(2000, 50)).toMatchObject({ failed: 0, firstError: null });
      // With its defaults kcp-go sends a large message in ticks of 100 ms.
      expect(await go.echo(theirs.tuned === true ? 100_000 : 20_000)).toMatchObject({ same: true });
      expect(logger.lines).toEqual([]);
    });
  }

  it('a TypeScript client calls a Go server through a path that loses datagrams', async () => {
    await using go = await startGoKcpServer({ fast: true });
    await using proxy = await udpFaultProxy({ target: go.address });
    await using client = createClient({ servers: formatAddress(proxy.address), transports: [kcp(fast)], codecs });
    const arith = client.service(Arith);
    expect(await arith.Mul({ A: 6, B: 7 })).toEqual({ C: 42 });
    proxy.toServer.set(badPath);
    proxy.toClient.set(badPath);
    for (let round = 0; round < 5; round++) {
      const answers = await Promise.all(Array.from({ length: 1000 }, (_, n) => arith.Mul({ A: n, B: 3 })));
      expect(answers.every(({ C }, n) => C === 3 * n)).toBe(true);
    }
    expect(proxy.toServer.counts.lost + proxy.toClient.counts.lost).toBeGreaterThan(5);
  });

  it('a Go client calls a TypeScript server through a path that loses datagrams, and makes lost ones again from our parity', async () => {
    await using peer = await startTypeScriptServer({ transports: [kcp(fast)], logger: recordingLogger() }, 'kcp@127.0.0.1:0');
    await using proxy = await udpFaultProxy({ target: peer.address });
    await using go = await startGoKcpClient({ address: formatAddress(proxy.address), fast: true });
    proxy.toServer.set(badPath);
    proxy.toClient.set(badPath);
    const tally = await go.many(5000, 100);
    expect(tally).toMatchObject({ failed: 0, firstError: null });
    expect(tally.recovered).toBeGreaterThan(0);
    expect(await go.echo(1_000_000)).toMatchObject({ same: true });
  });

  it('a Go client calls a TypeScript server with each cipher that both have', async () => {
    const ciphers = ['aes-128', 'aes-192', 'salsa20', 'tea', 'xtea', 'blowfish', '3des', 'sm4', 'xor'] as const;
    await Promise.all(ciphers.map(async (cipher) => {
      await using peer = await startTypeScriptServer({ transports: [kcp({ cipher, key })], logger: recordingLogger() }, 'kcp@127.0.0.1:0');
      await using go = await startGoKcpClient({ address: peer.address, cipher });
      expect(await go.many(20, 1), cipher).toMatchObject({ failed: 0, firstError: null });
    }));
  });

  it('a TypeScript client with another key than the Go server is told what to compare', async () => {
    await using go = await startGoKcpServer();
    await using client = createClient({ servers: go.address, transports: [kcp({ cipher: 'aes-256', key: { ...key, salt: 'other' }, connectTimeoutMs: 500 })], codecs, timeoutMs: 5000 });
    await expect(client.service(Arith).Mul({ A: 6, B: 7 })).rejects.toThrow(/no answer within 500 ms, and KCP cannot tell why: .*the same cipher \(here aes-256\), the same key/);
  });

  it('a TypeScript client goes on with a Go server that was killed and started anew, which tells it nothing', async () => {
    const first = await startGoKcpServer();
    await using client = createClient({ servers: first.address, transports: [kcp({ cipher: 'aes-256', key })], codecs });
    const arith = client.service(Arith);
    expect(await arith.Mul({ A: 6, B: 7 })).toEqual({ C: 42 });
    await first.process.kill();
    await using again = await startGoKcpServer({}, first.address);
    expect(again.address).toBe(first.address);
    expect(await arith.Mul({ A: 6, B: 8 })).toEqual({ C: 48 });
  });
});
