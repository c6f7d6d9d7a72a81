import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { expect, it } from 'vitest';
import { acceptTls, isConnect, isHttp, isRpcx, serveHttp, sniff, sniffStats } from '@rpcxjs/sniff';
import { httpConnect } from '@rpcxjs/transport-http-connect';
import { tcp } from '@rpcxjs/transport-tcp';
import { makeCertificates, startGoClient } from '../../src/index.ts';
import { startTypeScriptServer } from '../typescript-server.ts';
import { describeWithGo } from '../with-go.ts';

describeWithGo('one port for many protocols', () => {
  it('answers Go over rpcx and over CONNECT, and pages beside them', async () => {
    const ports = sniff(tcp(), { rpcx: isRpcx, connect: isConnect, http: isHttp });
    await using peer = await startTypeScriptServer({ transports: [ports.rpcx, httpConnect({ over: ports.connect })] });
    const host = peer.address.slice('tcp@'.length);
    expect(await peer.server.listen(`http@${host}`)).toEqual([`http@${host}`]);
    const web = createServer((request, response) => response.end(`page ${request.url}`));
    await using listener = await serveHttp(ports.http, web, `tcp@${host}`);
    expect(listener.address.host).toBe(host);
    await using go = await startGoClient();
    const tallies = ['tcp', 'http'].map(async (network) => {
      const connection = await go.connect({ servers: [`${network}@${host}`], heartbeatMs: 50 });
      const tally = await connection.many(1000, 20);
      await connection.close();
      return tally;
    });
    expect(await (await fetch(`http://${host}/about`)).text()).toBe('page /about');
    expect(await Promise.all(tallies)).toMatchObject([{ failed: 0 }, { failed: 0 }]);
    expect(sniffStats(ports).recognised).toEqual({ rpcx: 1, connect: 1, http: 1 });
    web.closeAllConnections();
  });

  it('does so with TLS', async () => {
    using certificates = await makeCertificates();
    const pem = (name: string): string => readFileSync(name, 'utf8');
    const ports = sniff(tcp({ tls: { cert: pem(certificates.server.cert), key: pem(certificates.server.key) } }), { rpcx: isRpcx, connect: isConnect });
    await using peer = await startTypeScriptServer({ transports: [ports.rpcx, httpConnect({ over: ports.connect })] });
    const host = peer.address.slice('tcp@'.length);
    await peer.server.listen(`http@${host}`);
    await using go = await startGoClient();
    for (const network of ['tcp', 'http']) {
      const connection = await go.connect({ servers: [`${network}@${host}`], tls: { ca: certificates.ca, serverName: 'localhost' } });
      expect(await connection.many(200, 20)).toMatchObject({ failed: 0 });
      await connection.close();
    }
  });

  it('takes Go with TLS and without on the same port, over rpcx and over CONNECT', async () => {
    using certificates = await makeCertificates();
    const pem = (name: string): string => readFileSync(name, 'utf8');
    const ports = sniff(acceptTls(tcp(), { cert: pem(certificates.server.cert), key: pem(certificates.server.key) }), { rpcx: isRpcx, connect: isConnect });
    await using peer = await startTypeScriptServer({ transports: [ports.rpcx, httpConnect({ over: ports.connect })] });
    const host = peer.address.slice('tcp@'.length);
    await peer.server.listen(`http@${host}`);
    await using go = await startGoClient();
    for (const network of ['tcp', 'http']) {
      const servers = [`${network}@${host}`];
      const both = [await go.connect({ servers }), await go.connect({ servers, tls: { ca: certificates.ca, serverName: 'localhost' } })];
      expect(await Promise.all(both.map((connection) => connection.many(500, 20)))).toMatchObject([{ failed: 0 }, { failed: 0 }]);
      for (const connection of both) await connection.close();
    }
  });
});
