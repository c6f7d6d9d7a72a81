import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { createClient } from '@rpcxjs/client';
import { tcp, type TcpTlsOptions } from '@rpcxjs/transport-tcp';
import { type Certificates, type GoClient, makeCertificates, startGoClient, startGoServer } from '../src/index.ts';
import { Arith } from './arith.ts';
import { recordingLogger } from './recording-logger.ts';
import { codecs, startTypeScriptServer } from './typescript-server.ts';
import { describeWithGo } from './with-go.ts';

const call = { shape: 'Args', args: { A: 6, B: 7 }, reply: 'Reply' };

describeWithGo('TLS', () => {
  let certificates: Certificates;
  let goClient: GoClient;
  let ca: string;
  const pair = (who: 'server' | 'client'): Pick<TcpTlsOptions, 'cert' | 'key'> => ({ cert: readFileSync(certificates[who].cert, 'utf8'), key: readFileSync(certificates[who].key, 'utf8') });
  beforeAll(async () => {
    [certificates, goClient] = await Promise.all([makeCertificates(), startGoClient()]);
    ca = readFileSync(certificates.ca, 'utf8');
  });
  afterAll(async () => {
    await goClient.process.stop();
    certificates[Symbol.dispose]();
  });

  it('a TypeScript client calls a Go server whose authority it trusts, and no other', async () => {
    await using go = await startGoServer({ tls: certificates.server });
    await using client = createClient({ servers: go.address, transports: [tcp({ tls: { ca } })], codecs });
    expect(await client.service(Arith).Mul({ A: 6, B: 7 })).toEqual({ C: 42 });
    await using distrustful = createClient({ servers: go.address, transports: [tcp({ tls: true })], codecs });
    await expect(distrustful.service(Arith).Mul({ A: 6, B: 7 })).rejects.toMatchObject({ code: 'unavailable', reason: 'CONNECT_FAILED' });
    await using plain = createClient({ servers: go.address, transports: [tcp()], codecs, timeoutMs: 3000 });
    await expect(plain.service(Arith).Mul({ A: 6, B: 7 })).rejects.toMatchObject({ code: 'unavailable' });
  });

  it('a TypeScript client shows its certificate to a Go server that asks for one', async () => {
    await using go = await startGoServer({ tls: { ...certificates.server, ca: certificates.ca } });
    await using client = createClient({ servers: go.address, transports: [tcp({ tls: { ca, ...pair('client') } })], codecs });
    expect(await client.service(Arith).Mul({ A: 6, B: 7 })).toEqual({ C: 42 });
    await using without = createClient({ servers: go.address, transports: [tcp({ tls: { ca } })], codecs, timeoutMs: 3000 });
    await expect(without.service(Arith).Mul({ A: 6, B: 7 })).rejects.toMatchObject({ code: 'unavailable' });
  });

  it('a Go client calls a TypeScript server', async () => {
    const logger = recordingLogger();
    await using peer = await startTypeScriptServer({ transports: [tcp({ tls: pair('server') })], logger });
    const connection = await goClient.connect({ servers: [peer.address], tls: { ca: certificates.ca, serverName: 'localhost' } });
    expect(await connection.call('Arith', 'Mul', call)).toMatchObject({ value: { C: 42 } });
    expect(await connection.many(2000, 50)).toMatchObject({ failed: 0 });
    await connection.close();
    await expect(goClient.connect({ servers: [peer.address], tls: { ca: certificates.ca, serverName: 'elsewhere' } })).rejects.toThrow(/certificate/);
    await vi.waitFor(() => { expect(logger.lines).toEqual([expect.stringContaining('warn: a TLS handshake failed')]); });
  });

  it('a Go client shows its certificate to a TypeScript server, whose handlers see it', async () => {
    await using peer = await startTypeScriptServer({ transports: [tcp({ tls: { ...pair('server'), ca, clientCertificate: 'require' } })], logger: recordingLogger() });
    peer.server.registerFunction('Who', 'AmI', (_: unknown, { peer: { certificate } }) => ({ Text: `${certificate?.subject} ${certificate?.alternativeNames.join(' ')}` }));
    const { client } = certificates;
    const connection = await goClient.connect({ servers: [peer.address], tls: { ca: certificates.ca, serverName: 'localhost', ...client } });
    const { value } = await connection.call('Who', 'AmI', { shape: 'Text', reply: 'Text' });
    expect((value as { Text: string }).Text).toMatch(/CN=client .*localhost/);
    await connection.close();
    const without = await goClient.connect({ servers: [peer.address], tls: { ca: certificates.ca, serverName: 'localhost' } });
    expect((await without.call('Arith', 'Mul', call)).error, 'TLS 1.3 tells a client without a certificate only when it reads').toBeTruthy();
  });
});
