import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { faultProxy } from '@rpcxjs/testing';
import { memoryNetwork } from '@rpcxjs/transport-memory';
import { unix } from '@rpcxjs/transport-unix';
import { describe, expect, it } from 'vitest';
import { createClient, createServer, RpcError, tcp, type ClientOptions, type Logger, type Server, type ServerOptions } from '../src/index.ts';
import { deferred, failure, until } from './pair.ts';

const pem = (name: string): string => readFileSync(new URL(`../../transport-tcp/test/fixtures/${name}`, import.meta.url), 'utf8');

interface Way {
  readonly listenOn: string;
  readonly server: NonNullable<ServerOptions['transports']>[number];
  readonly client: NonNullable<ClientOptions['transports']>[number];
}
const silent: Logger = { debug() {}, info() {}, warn() {}, error() {}, child: () => silent };
const folder = await mkdtemp(join(tmpdir(), 'rpcxjs-'));
const network = memoryNetwork();
const ways: Readonly<Record<string, Way>> = {
  tcp: { listenOn: 'tcp@127.0.0.1:0', server: tcp(), client: tcp() },
  tls: { listenOn: 'tcp@127.0.0.1:0', server: tcp({ tls: { cert: pem('server.crt'), key: pem('server.key') } }), client: tcp({ tls: { ca: pem('ca.crt') } }) },
  unix: { listenOn: `unix@${join(folder, 'socket')}`, server: unix(), client: unix() },
  memory: { listenOn: 'memory@way:0', server: network, client: network },
};

async function over(way: Way, serve: (server: Server) => void, options: Partial<ClientOptions> = {}) {
  const server = createServer({ transports: [way.server], logger: silent });
  serve(server);
  const [address = ''] = await server.listen(way.listenOn);
  const client = createClient({ servers: address, transports: [way.client], ...options });
  const end = async (): Promise<void> => {
    client.abort();
    server.abort();
    await Promise.all([client.close(), server.close()]);
  };
  return { server, client, address, [Symbol.asyncDispose]: end };
}

describe.each(Object.entries(ways))('G26 G27 M40: over %s', (_, way) => {
  it('calls are answered, alone and a thousand at once, small and large', async () => {
    await using one = await over(way, (server) => server.registerFunction('S', 'Echo', (input: unknown) => input));
    expect(await one.client.call('S', 'Echo', { a: 1 })).toEqual({ a: 1 });
    expect(await Promise.all(Array.from({ length: 1000 }, (_none, index) => one.client.call('S', 'Echo', index)))).toEqual(Array.from({ length: 1000 }, (_none, index) => index));
    const large = 'x'.repeat(3_000_000);
    expect(await one.client.call('S', 'Echo', large)).toBe(large);
    expect(await one.client.call('S', 'Echo', null)).toBe(null);
    expect(one.client.stats()).toMatchObject({ connections: 1, failed: 0 });
  });

  it('a pool shares the calls, answers pings, and closes its connections when told', async () => {
    await using one = await over(way, (server) => server.registerFunction('S', 'Echo', (input: unknown) => input), { pool: { connections: 3 } });
    await one.client.ready();
    expect(one.client.stats().connections).toBe(3);
    expect(await one.client.ping(one.address)).toBeGreaterThanOrEqual(0);
    await Promise.all(Array.from({ length: 30 }, () => one.client.call('S', 'Echo', 1)));
    await one.client.closeConnections();
    expect(one.client.stats().connections).toBe(0);
    expect(await one.client.call('S', 'Echo', 2)).toBe(2);
  });

  it('calls that are under way when the server goes fail as lost, and a server that comes again is found', async () => {
    const running = deferred();
    const holding = (server: Server): void => void server.registerFunction('S', 'Hold', () => { running.resolve(); return new Promise(() => {}); }).registerFunction('S', 'Echo', (input: unknown) => input);
    await using one = await over(way, holding, { reconnect: { spreadMs: 0 } });
    const lost = failure(one.client.call('S', 'Hold', 1));
    await running.promise;
    one.server.abort();
    expect(await lost).toMatchObject({ code: 'unavailable', sent: true });
    await one.server.close();
    const again = createServer({ transports: [way.server] });
    again.registerFunction('S', 'Echo', (input: unknown) => input);
    await again.listen(one.address);
    expect(await one.client.call('S', 'Echo', 3, { waitForReady: true })).toBe(3);
    again.abort();
    await again.close();
  });

  it('cancels, deadlines and errors arrive', async () => {
    await using one = await over(way, (server) => server
      .registerFunction('S', 'Fail', () => { throw new RpcError('aborted', 'no'); })
      .registerFunction('S', 'Never', () => new Promise(() => {})));
    expect(await failure(one.client.call('S', 'Fail', 1))).toMatchObject({ code: 'aborted', remote: true, message: 'no' });
    expect(await failure(one.client.call('S', 'Never', 1, { timeoutMs: 20 }))).toMatchObject({ code: 'deadline_exceeded' });
    const controller = new AbortController();
    const cancelled = failure(one.client.call('S', 'Never', 1, { signal: controller.signal }));
    controller.abort();
    expect((await cancelled).code).toBe('canceled');
  });
});

it('the folder of the sockets is gone afterwards', async () => {
  await rm(folder, { recursive: true });
});

it('a plain client is told what it meets on a TLS port', async () => {
  const way = ways['tls'] as Way;
  await using one = await over(way, () => {});
  const plain = createClient({ servers: one.address, failMode: { name: 'once', next: () => 'give-up' } });
  expect((await failure(plain.call('S', 'M', 1))).message).toMatch(/TLS/);
  plain.abort();
  await plain.close();
});

describe('E5: when connections are reset at bytes drawn by lot', () => {
  it('no reply is wrong, and each call that is lost fails once with a typed error', async () => {
    const way = ways['tcp'] as Way;
    await using one = await over(way, (server) => server.registerFunction('S', 'Echo', (input: unknown) => input));
    await using proxy = await faultProxy({ target: one.address, seed: 7 });
    proxy.toClient.set({ resetAfterBytes: [200, 20_000] });
    const client = createClient({ servers: `tcp@${proxy.address.host}`, failMode: { name: 'once', next: () => 'give-up' }, reconnect: { initialMs: 1 } });
    let [right, wrong, lost] = [0, 0, 0];
    for (let round = 0; round < 40; round++) {
      const calls = Array.from({ length: 25 }, async (_, index) => {
        const input = { round, index, text: 'y'.repeat(index * 20) };
        try {
          const output = await client.call<typeof input>('S', 'Echo', input);
          if (output.round === round && output.index === index && output.text === input.text) right += 1;
          else wrong += 1;
        } catch (error) {
          const { code, reason } = error as { code: string; reason: string };
          if (code === 'unavailable' && ['CONNECTION_LOST', 'CONNECT_FAILED', 'BAD_FRAME'].includes(reason)) lost += 1;
          else wrong += 1;
        }
      });
      await Promise.all(calls);
    }
    expect(wrong).toBe(0);
    expect(right + lost).toBe(1000);
    expect(Math.min(right, lost)).toBeGreaterThan(20);
    expect(client.stats()).toMatchObject({ active: 0, queued: 0 });
    client.abort();
    await client.close();
    await until(() => proxy.connections === 0);
  });
});
