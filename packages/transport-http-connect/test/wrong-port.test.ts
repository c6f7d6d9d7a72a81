import { readFileSync } from 'node:fs';
import { createServer as createWebServer } from 'node:http';
import { createClient } from '@rpcxjs/client';
import { createServer } from '@rpcxjs/server';
import type { Transport } from '@rpcxjs/core';
import { tcp } from '@rpcxjs/transport-tcp';
import { closeAfterEach, later, memoryLogger, rejection } from '@rpcxjs/transport-sides';
import { describe, expect, it } from 'vitest';
import { httpConnect } from '../src/index.ts';

closeAfterEach();

const pem = (name: string): string => readFileSync(new URL(`../../transport-tcp/test/fixtures/${name}`, import.meta.url), 'utf8');
const own = { cert: pem('server.crt'), key: pem('server.key') };
const ca = pem('ca.crt');

/** What a call says whose client took the port of `serving` for one of its own transport, and how long it took to say so. */
async function wrongPort(serving: Transport, listenOn: 'tcp' | 'http', dialling: Transport, dialOn: 'tcp' | 'http'): Promise<{ readonly error: Error; readonly ms: number }> {
  const logger = memoryLogger([]);
  const server = createServer({ transports: [serving], logger });
  later(() => server.close({ graceMs: 100 }));
  const [address = ''] = await server.listen(`${listenOn}@127.0.0.1:0`);
  const client = createClient({ servers: address.replace(/^\w+/, dialOn), transports: [dialling], logger });
  later(() => client.close());
  const started = performance.now();
  const error = await rejection(client.call('Arith', 'Mul', {}));
  return { error, ms: performance.now() - started };
}

describe('a call to the wrong port says so within a second', () => {
  it.each([
    ['http@ to a tcp port', tcp(), 'tcp', httpConnect(), 'http', /CONNECT/],
    ['tcp@ to an http port', httpConnect(), 'http', tcp(), 'tcp', /this looks like HTTP or text/],
    ['http@ to a tcp port with TLS', tcp({ tls: own }), 'tcp', httpConnect(), 'http', /if it speaks TLS, set the tls option|looks like TLS/],
    ['http@ to an http port with TLS', httpConnect({ tls: own }), 'http', httpConnect(), 'http', /if it speaks TLS, set the tls option|looks like TLS/],
    ['http@ with TLS to an http port without', httpConnect(), 'http', httpConnect({ tls: { ca } }), 'http', /the other side does not speak TLS: give both sides the tls option, or neither/],
    ['http@ to another path', httpConnect(), 'http', httpConnect({ path: '/elsewhere' }), 'http', /there is no rpcx at \/elsewhere: give path the value of the server/],
    ['http@ to an HTTP server without rpcx', httpConnect({ server: createWebServer(), path: '/mine' }), 'http', httpConnect(), 'http', /404 Not Found": there is no rpcx at \/_rpcx_/],
    ['http@ with TLS to a certificate that has expired', httpConnect({ tls: { cert: pem('expired.crt'), key: pem('expired.key') } }), 'http', httpConnect({ tls: { ca } }), 'http', /the certificate has expired: renew it/],
    ['http@ with TLS to one for another name', httpConnect({ tls: { cert: pem('elsewhere.crt'), key: pem('elsewhere.key') } }), 'http', httpConnect({ tls: { ca } }), 'http', /the certificate is for another host/],
    ['http@ with TLS to one of an unknown authority', httpConnect({ tls: own }), 'http', httpConnect({ tls: true }), 'http', /comes from an authority that is not known here/],
  ] as const)('%s', async (...[, serving, listenOn, dialling, dialOn, sentence]) => {
    const { error, ms } = await wrongPort(serving, listenOn, dialling, dialOn);
    expect(error.message).toMatch(sentence);
    expect(error).toMatchObject({ name: 'RpcError' });
    expect(ms).toBeLessThan(1000);
  });

  it('http@ to a web server that knows nothing of rpcx', async () => {
    const web = createWebServer((_, response) => response.end('a page'));
    await new Promise<void>((resolve) => web.listen(0, '127.0.0.1', resolve));
    later(() => web.close());
    const { port } = web.address() as { port: number };
    const client = createClient({ servers: `http@127.0.0.1:${port}`, transports: [httpConnect()], logger: memoryLogger([]) });
    later(() => client.close());
    const started = performance.now();
    expect((await rejection(client.call('Arith', 'Mul', {}))).message).toContain('it answered "HTTP/1.1 400 Bad Request": it did not understand the request');
    expect(performance.now() - started).toBeLessThan(1000);
  });
});
