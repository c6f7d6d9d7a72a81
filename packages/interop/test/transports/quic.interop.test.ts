import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { createClient } from '@rpcxjs/client';
import { formatAddress } from '@rpcxjs/core';
import { udpFaultProxy } from '@rpcxjs/testing';
import { quic, type QuicTlsOptions } from '@rpcxjs/transport-quic';
import { buildGoQuicPrograms, type Certificates, makeCertificates, startGoQuicClient, startGoQuicServer } from '../../src/index.ts';
import { Arith } from '../arith.ts';
import { recordingLogger } from '../recording-logger.ts';
import { codecs, startTypeScriptServer } from '../typescript-server.ts';

const built = await buildGoQuicPrograms();
if (built.missing !== undefined && process.env['CI'] !== undefined) throw new Error(`the Go peers must be there when CI is set: ${built.missing}`);

describe.skipIf(built.missing !== undefined)(`QUIC${built.missing === undefined ? '' : ` (skipped: ${built.missing.split('\n')[0]})`}`, () => {
  let certificates: Certificates;
  let ca: string;
  const pair = (who: 'server' | 'client'): Pick<QuicTlsOptions, 'cert' | 'key'> => ({ cert: readFileSync(certificates[who].cert, 'utf8'), key: readFileSync(certificates[who].key, 'utf8') });
  beforeAll(async () => {
    certificates = await makeCertificates();
    ca = readFileSync(certificates.ca, 'utf8');
  });
  afterAll(() => { certificates[Symbol.dispose](); });

  it('a TypeScript client calls a Go server whose authority it trusts, and no other', async () => {
    await using go = await startGoQuicServer(certificates.server);
    await using client = createClient({ servers: go.address, transports: [quic({ tls: { ca } })], codecs });
    const arith = client.service(Arith);
    expect(await arith.Mul({ A: 6, B: 7 })).toEqual({ C: 42 });
    const answers = await Promise.all(Array.from({ length: 500 }, (_, n) => arith.Mul({ A: n, B: 3 })));
    expect(answers.every(({ C }, n) => C === 3 * n)).toBe(true);
    await using distrustful = createClient({ servers: go.address, transports: [quic()], codecs });
    await expect(distrustful.service(Arith).Mul({ A: 6, B: 7 })).rejects.toMatchObject({ code: 'unavailable', reason: 'CONNECT_FAILED' });
  });

  it('a Go client calls a TypeScript server', async () => {
    const logger = recordingLogger();
    await using peer = await startTypeScriptServer({ transports: [quic({ tls: pair('server') })], logger }, 'quic@127.0.0.1:0');
    await using go = await startGoQuicClient({ address: peer.address, ca: certificates.ca });
    expect(await go.many(2000, 50)).toMatchObject({ failed: 0, firstError: null });
    expect(await go.echo(3_000_000)).toMatchObject({ same: true });
    await expect(startGoQuicClient({ address: peer.address, ca: certificates.ca, name: 'elsewhere' })).rejects.toThrow(/certificate/);
    await vi.waitFor(() => { expect(logger.lines).toEqual([expect.stringContaining('warn: a QUIC handshake failed')]); });
  });

  it('client certificates: Go shows one to TypeScript, and TypeScript to Go', async () => {
    await using peer = await startTypeScriptServer({ transports: [quic({ tls: { ...pair('server'), ca, clientCertificate: 'require' } })], logger: recordingLogger() }, 'quic@127.0.0.1:0');
    await using go = await startGoQuicClient({ address: peer.address, ca: certificates.ca, ...certificates.client });
    expect(await go.many(10, 1)).toMatchObject({ failed: 0 });
    await using server = await startGoQuicServer({ ...certificates.server, ca: certificates.ca });
    await using client = createClient({ servers: server.address, transports: [quic({ tls: { ca, ...pair('client') } })], codecs });
    expect(await client.service(Arith).Mul({ A: 6, B: 7 })).toEqual({ C: 42 });
    await using without = createClient({ servers: server.address, transports: [quic({ tls: { ca } })], codecs, timeoutMs: 3000 });
    await expect(without.service(Arith).Mul({ A: 6, B: 7 })).rejects.toMatchObject({ code: 'unavailable' });
  });

  it('a TypeScript client and a Go server on a line that loses every tenth datagram', async () => {
    await using go = await startGoQuicServer(certificates.server);
    await using proxy = await udpFaultProxy({ target: go.address, seed: 5 });
    for (const direction of [proxy.toServer, proxy.toClient]) direction.set({ lossRatio: 0.1, duplicateRatio: 0.05, reorderRatio: 0.05 });
    await using client = createClient({ servers: formatAddress(proxy.address), transports: [quic({ tls: { ca } })], codecs, timeoutMs: 15_000 });
    const sent = new Uint8Array(400_000).map((_, index) => (index * 7) ^ (index >> 8));
    const echoed = await client.call('Bytes', 'Echo', sent);
    expect(Buffer.from(echoed as Uint8Array).equals(sent)).toBe(true);
    expect(proxy.toServer.counts.lost + proxy.toClient.counts.lost).toBeGreaterThan(10);
  });

  it('a TypeScript client is told when its Go server was killed, and finds the next one', async () => {
    const go = await startGoQuicServer(certificates.server);
    await using client = createClient({ servers: go.address, transports: [quic({ tls: { ca } })], codecs, timeoutMs: 4000 });
    expect(await client.service(Arith).Mul({ A: 6, B: 7 })).toEqual({ C: 42 });
    await go.process.kill();
    const began = performance.now();
    await expect(client.service(Arith).Mul({ A: 6, B: 7 })).rejects.toMatchObject({ code: 'unavailable' });
    expect(performance.now() - began).toBeLessThan(3000);
    const again = await startGoQuicServer({ ...certificates.server, address: go.address.slice('quic@'.length) });
    await vi.waitFor(async () => { expect(await client.service(Arith).Mul({ A: 6, B: 7 })).toEqual({ C: 42 }); }, { timeout: 5000 });
    await again.process.stop();
  });
});
