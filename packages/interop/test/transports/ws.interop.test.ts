import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createClient } from '@rpcxjs/client';
import { webSocket } from '@rpcxjs/transport-ws';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Certificates, type GoClient, makeCertificates, startGoClient, startGoServer } from '../../src/index.ts';
import { Arith } from '../arith.ts';
import { codecs, startTypeScriptServer } from '../typescript-server.ts';
import { describeWithGo } from '../with-go.ts';

describeWithGo('WebSocket', () => {
  let certificates: Certificates;
  let goClient: GoClient;
  beforeAll(async () => {
    [certificates, goClient] = await Promise.all([makeCertificates(), startGoClient()]);
  });
  afterAll(async () => {
    certificates[Symbol.dispose]();
    await goClient[Symbol.asyncDispose]();
  });
  const tls = (): { ca: string; cert: string; key: string } => {
    const pem = (name: string): string => readFileSync(name, 'utf8');
    return { ca: pem(certificates.ca), cert: pem(certificates.server.cert), key: pem(certificates.server.key) };
  };

  it('carries calls from TypeScript to Go, large ones over several messages', async () => {
    await using go = await startGoServer({ network: 'ws' });
    expect(go.address).toMatch(/^ws@127\.0\.0\.1:\d+$/);
    await using client = createClient({ servers: go.address, transports: [webSocket()], codecs });
    const arith = client.service(Arith);
    const replies = await Promise.all(Array.from({ length: 500 }, (_, n) => arith.Mul({ A: n, B: 2 })));
    expect(replies).toEqual(Array.from({ length: 500 }, (_, n) => ({ C: 2 * n })));
    expect(await arith.Say({ Text: `${'服'.repeat(1000)}*1000` })).toEqual({ Text: '服'.repeat(1_000_000) });
    const large = 'x'.repeat(3_000_000);
    expect(await arith.Say({ Text: large })).toEqual({ Text: large });
  });

  it('carries calls from Go, whose messages are text without being UTF-8, to TypeScript', async () => {
    await using peer = await startTypeScriptServer({ transports: [webSocket()] }, 'ws@127.0.0.1:0');
    const connection = await goClient.connect({ servers: [peer.address], heartbeatMs: 50 });
    expect(await connection.many(2000, 50)).toMatchObject({ failed: 0 });
    expect(await connection.survive('Arith', 10, 300)).toMatchObject({ failed: 0 });
    await connection.close();
  });

  it('carries calls both ways over TLS, on a path of their own, behind the web server of somebody else', async () => {
    const path = '/internal/rpc';
    await using go = await startGoServer({ network: 'wss', path, tls: certificates.server });
    await using client = createClient({ servers: go.address, transports: [webSocket({ path, tls: { ca: tls().ca } })], codecs });
    expect(await client.service(Arith).Mul({ A: 6, B: 7 })).toEqual({ C: 42 });
    await using secure = await startTypeScriptServer({ transports: [webSocket({ path, tls: tls() })] }, 'wss@127.0.0.1:0');
    const connection = await goClient.connect({ servers: [secure.address], path, tls: { ca: certificates.ca, serverName: 'localhost' } });
    expect(await connection.many(500, 20)).toMatchObject({ failed: 0 });
    await connection.close();
    const web = createServer((_request, response) => response.end('a page'));
    await new Promise<void>((resolve) => void web.listen(0, '127.0.0.1', resolve));
    const { port } = web.address() as AddressInfo;
    await using behind = await startTypeScriptServer({ transports: [webSocket({ path, server: web })] }, 'ws@127.0.0.1:0');
    expect(behind.address).toBe(`ws@127.0.0.1:${port}`);
    const other = await goClient.connect({ servers: [behind.address], path });
    expect(await other.many(500, 20)).toMatchObject({ failed: 0 });
    expect(await (await fetch(`http://127.0.0.1:${port}/`)).text()).toBe('a page');
    await other.close();
    web.close();
  });

  it('says on both sides what is wrong with the path', async () => {
    await using go = await startGoServer({ network: 'ws' });
    await using client = createClient({ servers: go.address, transports: [webSocket({ path: '/elsewhere' })], codecs });
    await expect(client.service(Arith).Mul({ A: 6, B: 7 })).rejects.toThrow(/HTTP 404, the server has no WebSocket at \/elsewhere: compare the path of both sides/);
    await using peer = await startTypeScriptServer({ transports: [webSocket({ path: '/elsewhere' })] }, 'ws@127.0.0.1:0');
    await expect(goClient.connect({ servers: [peer.address] })).rejects.toThrow('bad status');
  });
});
