import { readFileSync } from 'node:fs';
import { createServer as createWebServer, type RequestListener, type Server as WebServer } from 'node:http';
import { createServer as createSecureServer, type Server as SecureServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import type { Peer } from '@rpcxjs/core';
import { createServer, type Server } from '@rpcxjs/server';
import { build } from 'esbuild';
import type { Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it, vi } from 'vitest';
import { webSocket, type WebSocketOptions } from '../src/index.ts';
import type { Program } from './page-program.ts';
import { Shop } from './shop.ts';
import { describeWithBrowser } from './with-browser.ts';

declare const program: Program; // in the page

const watching = new Set<Peer>();
async function openShop(options: WebSocketOptions, address = 'ws@127.0.0.1:0'): Promise<{ server: Server; address: string }> {
  const server = createServer({ transports: [webSocket(options)] });
  server.register(Shop, {
    Add: ({ A, B }) => A + B,
    Echo: (text) => text,
    Buy: (_input, call) => { throw call.fail('OutOfStock', { left: 0 }); },
    Watch: (_input, { peer }) => {
      watching.add(peer);
      return null;
    },
    Never: () => new Promise(() => {}),
  });
  const [bound = ''] = await server.listen(address);
  return { server, address: bound };
}

describeWithBrowser('a page in Chromium', (browser) => {
  let web: WebServer;
  let secureWeb: SecureServer;
  let shop: Server;
  let page: Page;
  let origin: string;
  const host = (on: WebServer | SecureServer = web): string => `127.0.0.1:${(on.address() as AddressInfo).port}`;
  beforeAll(async () => {
    const entry = fileURLToPath(new URL('page-program.ts', import.meta.url));
    const built = await build({ entryPoints: [entry], bundle: true, write: false, format: 'esm', platform: 'browser', target: 'es2022' });
    const serve: RequestListener = (request, response) => {
      if (request.url === '/strict') response.setHeader('content-security-policy', "default-src 'none'; script-src 'self'; connect-src 'self'");
      if (request.url === '/program.js') response.setHeader('content-type', 'text/javascript').end(built.outputFiles[0]?.text);
      else response.setHeader('content-type', 'text/html').end('<!doctype html><script type="module" src="/program.js"></script>');
    };
    web = createWebServer(serve);
    const pem = (name: string): string => readFileSync(new URL(`../../transport-tcp/test/fixtures/${name}`, import.meta.url), 'utf8');
    secureWeb = createSecureServer({ cert: pem('self.crt'), key: pem('self.key') }, serve);
    await Promise.all([web, secureWeb].map((one) => new Promise<void>((resolve) => void one.listen(0, '127.0.0.1', resolve))));
    origin = `http://${host()}`;
  });
  beforeEach(async () => {
    ({ server: shop } = await openShop({ server: web }));
    page = await browser().newPage();
    await page.goto(origin);
    await page.waitForFunction('globalThis.program !== undefined');
  });
  afterEach(async () => {
    await page.close();
    shop.abort();
    await shop.close();
    watching.clear();
  });
  afterAll(() => {
    for (const one of [web, secureWeb]) {
      one.closeAllConnections();
      one.close();
    }
  });
  const sell = (Sku: string): Promise<unknown> => Promise.all([...watching].map((peer) => peer.push(Shop.methods.Sold, { Sku })));

  it('makes typed calls, a hundred at once, and has the errors of its contract', async () => {
    await page.evaluate((at) => program.open(at), `ws@${host()}`);
    expect(await page.evaluate(() => program.add(40, 2))).toBe(42);
    expect(await page.evaluate(() => Promise.all(Array.from({ length: 100 }, (_, n) => program.add(n, n))))).toEqual(Array.from({ length: 100 }, (_, n) => 2 * n));
    expect(await page.evaluate(() => program.echo(1_000_000))).toBe(1_000_000);
    expect(await page.evaluate(() => program.failure('sold out'))).toEqual({ code: 'OutOfStock', details: { left: 0 } });
    expect(await page.evaluate(() => program.failure('late'))).toEqual({ code: 'deadline_exceeded', reason: 'TIMEOUT' });
    await page.evaluate(() => program.close());
    await vi.waitFor(() => expect([...shop.peers()]).toEqual([]));
  });

  it.each(['politely', 'abruptly'])('receives pushes, and survives a server that is restarted %s', async (how) => {
    await page.evaluate((at) => program.open(at), `ws@${host()}`);
    await vi.waitFor(() => expect(watching.size).toBe(1));
    await sell('a');
    await vi.waitFor(async () => expect(await page.evaluate(() => program.log())).toEqual(['connected', 'sold a']));
    watching.clear();
    if (how === 'politely') await shop.close();
    else {
      shop.abort();
      await shop.close();
    }
    // Asked while nobody is there: it waits.
    const asked = page.evaluate(() => program.add(1, 2));
    ({ server: shop } = await openShop({ server: web }));
    expect(await asked).toBe(3);
    await vi.waitFor(() => expect(watching.size).toBe(1));
    await sell('b');
    await vi.waitFor(async () => expect(await page.evaluate(() => program.log())).toEqual(['connected', 'sold a', 'lost', 'connected', 'sold b']));
  });

  it('does the same over TLS, and says what to check where it does not trust the certificate', async () => {
    const { server } = await openShop({ server: secureWeb }, 'wss@127.0.0.1:0');
    const at = `wss@${host(secureWeb)}`;
    const trusting = await browser().newPage({ ignoreHTTPSErrors: true });
    try {
      await trusting.goto(`https://${host(secureWeb)}`);
      await trusting.waitForFunction('globalThis.program !== undefined');
      await trusting.evaluate((address) => program.open(address), at);
      expect(await trusting.evaluate(() => program.add(40, 2))).toBe(42);
      expect(await trusting.evaluate(() => program.echo(300_000))).toBe(300_000);
      await vi.waitFor(() => expect(watching.size).toBe(1));
      await sell('a');
      await vi.waitFor(async () => expect(await trusting.evaluate(() => program.log())).toEqual(['connected', 'sold a']));
      await trusting.evaluate(() => program.close());
      expect(await page.evaluate((address) => program.dial(address), at)).toMatch(/^no WebSocket to wss:.*certificate/);
    } finally {
      await trusting.close();
      server.abort();
      await server.close();
    }
  });

  it('needs neither eval nor inline scripts, nor any address but its own', async () => {
    const refused: string[] = [];
    page.on('console', (message) => void (message.type() === 'error' && refused.push(message.text())));
    await page.goto(`${origin}/strict`);
    await vi.waitFor(async () => expect(await page.evaluate(() => typeof program)).toBe('object'));
    await page.evaluate((at) => program.open(at), `ws@${host()}`);
    expect(await page.evaluate(() => program.add(40, 2))).toBe(42);
    await vi.waitFor(() => expect(watching.size).toBe(1));
    await sell('a');
    await vi.waitFor(async () => expect(await page.evaluate(() => program.log())).toEqual(['connected', 'sold a']));
    expect(refused.filter((text) => !text.includes('favicon'))).toEqual([]);
    await page.evaluate(() => program.close());
  });

  it('reaches a server on another port only if that lets its origin in', async () => {
    const closed = await openShop({});
    expect(await page.evaluate((address) => program.dial(address), closed.address)).toMatch(/^no WebSocket to ws:.*does it take this page's origin/);
    const open = await openShop({ origins: [origin] });
    expect(await page.evaluate((address) => program.dial(address), open.address)).toBe('connected');
    for (const { server } of [closed, open]) {
      server.abort();
      await server.close();
    }
  });

  it('is told what to check when there is no server, or another path', async () => {
    expect(await page.evaluate(() => program.dial('ws@127.0.0.1:9'))).toMatch(/^no WebSocket to ws:\/\/127\.0\.0\.1:9\/_rpcx_: is the server running/);
    expect(await page.evaluate((address) => program.dial(address, '/elsewhere'), `ws@${host()}`)).toMatch(/at this path/);
  });
});
