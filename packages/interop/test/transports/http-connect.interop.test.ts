import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createClient } from '@rpcxjs/client';
import { httpConnect } from '@rpcxjs/transport-http-connect';
import { type Certificates, type GoClient, makeCertificates, startGoClient, startGoServer } from '../../src/index.ts';
import { Arith } from '../arith.ts';
import { codecs, startTypeScriptServer } from '../typescript-server.ts';
import { describeWithGo } from '../with-go.ts';

describeWithGo('HTTP CONNECT', () => {
  let certificates: Certificates;
  let goClient: GoClient;
  beforeAll(async () => {
    certificates = await makeCertificates();
    goClient = await startGoClient();
  });
  afterAll(async () => {
    certificates[Symbol.dispose]();
    await goClient[Symbol.asyncDispose]();
  });

  it('carries calls from TypeScript to Go', async () => {
    await using go = await startGoServer({ network: 'http' });
    expect(go.address).toMatch(/^http@127\.0\.0\.1:\d+$/);
    await using client = createClient({ servers: go.address, transports: [httpConnect()], codecs });
    const arith = client.service(Arith);
    const replies = await Promise.all(Array.from({ length: 500 }, (_, n) => arith.Mul({ A: n, B: 2 })));
    expect(replies).toEqual(Array.from({ length: 500 }, (_, n) => ({ C: 2 * n })));
    expect(await arith.Say({ Text: `${'服'.repeat(1000)}*100` })).toEqual({ Text: '服'.repeat(100_000) });
  });

  it('carries calls from Go to TypeScript', async () => {
    await using peer = await startTypeScriptServer({ transports: [httpConnect()] }, 'http@127.0.0.1:0');
    const connection = await goClient.connect({ servers: [peer.address], heartbeatMs: 50 });
    expect(await connection.many(2000, 50)).toMatchObject({ failed: 0 });
    expect(await connection.survive('Arith', 10, 300)).toMatchObject({ failed: 0 });
    await connection.close();
  });

  it('carries calls both ways on a path of their own, with TLS', async () => {
    const pem = (name: string): string => readFileSync(name, 'utf8');
    const tls = { ca: pem(certificates.ca), cert: pem(certificates.server.cert), key: pem(certificates.server.key) };
    const path = '/internal/rpc';
    await using go = await startGoServer({ network: 'http', path, tls: certificates.server });
    await using client = createClient({ servers: go.address, transports: [httpConnect({ path, tls })], codecs });
    expect(await client.service(Arith).Mul({ A: 6, B: 7 })).toEqual({ C: 42 });
    await using peer = await startTypeScriptServer({ transports: [httpConnect({ path, tls })] }, 'http@127.0.0.1:0');
    const connection = await goClient.connect({ servers: [peer.address], path, tls: { ca: certificates.ca, serverName: 'localhost' } });
    expect(await connection.many(500, 20)).toMatchObject({ failed: 0 });
    await connection.close();
  });

  it('says on both sides what is wrong with the path', async () => {
    await using go = await startGoServer({ network: 'http' });
    await using client = createClient({ servers: go.address, transports: [httpConnect({ path: '/elsewhere' })], codecs });
    await expect(client.service(Arith).Mul({ A: 6, B: 7 })).rejects.toThrow(/"HTTP\/1\.0 404 Not Found": there is no rpcx at \/elsewhere: give path the value of the server/);
    await using peer = await startTypeScriptServer({ transports: [httpConnect({ path: '/elsewhere' })] }, 'http@127.0.0.1:0');
    await expect(goClient.connect({ servers: [peer.address] })).rejects.toThrow('unexpected HTTP response: 404 Not Found');
  });

  it('carries calls from Go behind an HTTP server, whose pages stay', async () => {
    const web = createServer((request, response) => response.end(`page ${request.url}`));
    await using peer = await startTypeScriptServer({ transports: [httpConnect({ server: web })] }, 'http@127.0.0.1:0');
    const connection = await goClient.connect({ servers: [peer.address], heartbeatMs: 50 });
    const calls = connection.many(1000, 20);
    expect(await (await fetch(peer.address.replace('http@', 'http://'))).text()).toBe('page /');
    expect(await calls).toMatchObject({ failed: 0 });
    await connection.close();
    web.closeAllConnections();
  });
});
