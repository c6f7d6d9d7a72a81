import { connect, createServer } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';
import { splitHostPort } from '@rpcxjs/core';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { faultProxy } from './fault-proxy.ts';
import type { FaultProxy, FaultProxyOptions } from './fault-proxy.ts';

/** What one side of a connection saw. */
class Seen {
  readonly socket: Socket;
  readonly arrivals: { readonly atMs: number; readonly bytes: number }[] = [];
  text = '';
  ended = false;
  error: string | undefined;
  closed = false;

  constructor(socket: Socket) {
    this.socket = socket;
    socket.on('data', (bytes: Buffer) => {
      this.arrivals.push({ atMs: performance.now(), bytes: bytes.length });
      this.text += bytes.toString('latin1');
    });
    socket.on('end', () => (this.ended = true));
    socket.on('error', (error: NodeJS.ErrnoException) => (this.error = error.code));
    socket.on('close', () => (this.closed = true));
  }
}

interface Rig {
  readonly proxy: FaultProxy;
  readonly serverSides: Seen[];
  dial(): Promise<Seen>;
}

const opened: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of opened.splice(0).reverse()) await close();
});

async function rig(options: Partial<FaultProxyOptions> = {}): Promise<Rig> {
  const serverSides: Seen[] = [];
  const server: Server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => serverSides.push(new Seen(socket)));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const proxy = await faultProxy({ target: `127.0.0.1:${(server.address() as AddressInfo).port}`, ...options });
  const clients: Socket[] = [];
  opened.push(async () => {
    for (const socket of [...clients, ...serverSides.map((side) => side.socket)]) socket.destroy();
    await proxy.close();
    await new Promise((resolve) => server.close(resolve));
  });
  const dial = async (): Promise<Seen> => {
    const socket = connect({ ...splitHostPort(proxy.address.host), allowHalfOpen: true, noDelay: true });
    clients.push(socket);
    const seen = new Seen(socket);
    await new Promise((resolve) => socket.once('connect', resolve).once('error', resolve));
    return seen;
  };
  return { proxy, serverSides, dial };
}

const until = (condition: () => boolean): Promise<void> => vi.waitFor(() => expect(condition()).toBe(true), { timeout: 5000, interval: 2 });

async function pair(options?: Partial<FaultProxyOptions>): Promise<Rig & { readonly client: Seen; readonly server: Seen }> {
  const made = await rig(options);
  const client = await made.dial();
  await until(() => made.serverSides.length === 1);
  return { ...made, client, server: made.serverSides[0] as Seen };
}

describe('faultProxy', () => {
  it('passes bytes, half-ends and ends on as they are, and counts and records them', async () => {
    const { proxy, client, server } = await pair({ record: true });
    client.socket.write('question');
    client.socket.end();
    await until(() => server.ended);
    expect(server.text).toBe('question');
    server.socket.end('an answer after the end of the question');
    await until(() => client.closed && server.closed);
    expect(client.text).toBe('an answer after the end of the question');
    expect([proxy.toServer.bytes, proxy.toClient.bytes, proxy.accepted]).toEqual([8, 39, 1]);
    expect(Buffer.from(proxy.toServer.recorded()).toString()).toBe('question');
    await until(() => proxy.connections === 0);
  });

  it('speaks of the network of its target, and of its path', async () => {
    await using proxy = await faultProxy({ target: 'ws@127.0.0.1:9/orders/live?a=1' });
    expect(proxy.address).toMatchObject({ network: 'ws', host: expect.stringMatching(/^127\.0\.0\.1:\d+\/orders\/live\?a=1$/) as string });
  });

  it('delays one direction by the latency, keeps the order under jitter, and delays the end too', async () => {
    const { proxy, client, server } = await pair();
    proxy.toServer.set({ latencyMs: 60, jitterMs: 40 });
    const start = performance.now();
    for (let index = 0; index < 20; index++) client.socket.write(String.fromCharCode(97 + index));
    server.socket.write('at once');
    await until(() => client.text === 'at once');
    expect(server.text).toBe('');
    client.socket.end();
    await until(() => server.ended);
    expect(performance.now() - start).toBeGreaterThanOrEqual(59);
    expect((server.arrivals[0]?.atMs ?? 0) - start).toBeGreaterThanOrEqual(59);
    expect(server.text).toBe('abcdefghijklmnopqrst');
  });

  it('limits the bandwidth', async () => {
    const { proxy, client, server } = await pair();
    proxy.toServer.set({ bytesPerSecond: 100_000 });
    const start = performance.now();
    client.socket.end('x'.repeat(30_000));
    await until(() => server.ended);
    expect(server.text.length).toBe(30_000);
    expect(performance.now() - start).toBeGreaterThanOrEqual(240);
  });

  it('lets the sender feel what the receiver does not take', async () => {
    const { proxy, client, server } = await pair();
    server.socket.pause();
    client.socket.write(Buffer.alloc(64 * 1024 * 1024));
    for (let before = -1; proxy.toServer.bytes !== before; ) {
      before = proxy.toServer.bytes;
      for (let turn = 0; turn < 50; turn++) await new Promise((resolve) => { setImmediate(resolve); });
    }
    expect(proxy.toServer.bytes).toBeGreaterThan(0);
    expect(proxy.toServer.bytes).toBeLessThan(32 * 1024 * 1024);
    expect(client.socket.writableLength).toBeGreaterThan(16 * 1024 * 1024);
    server.socket.resume();
    await until(() => server.text.length === 64 * 1024 * 1024);
  });

  it('B6: slices what is sent into single bytes, each in a turn of its own', async () => {
    const { proxy, client, server } = await pair();
    proxy.toServer.set({ sliceBytes: 1 });
    client.socket.end('abcdefghijklmnopqrstuvwxyz');
    await until(() => server.ended);
    expect(server.text).toBe('abcdefghijklmnopqrstuvwxyz');
    expect(server.arrivals.length).toBeGreaterThan(13);
  });

  it('waits between slices', async () => {
    const { proxy, client, server } = await pair();
    proxy.toServer.set({ sliceBytes: 2, sliceDelayMs: 15 });
    const start = performance.now();
    client.socket.end('12345678');
    await until(() => server.ended);
    expect(server.arrivals.map((arrival) => arrival.bytes)).toEqual([2, 2, 2, 2]);
    expect(performance.now() - start).toBeGreaterThanOrEqual(44);
  });

  it('E5: resets both sides at the byte it was told', async () => {
    const { proxy, client, server } = await pair();
    proxy.toServer.set({ resetAfterBytes: 10 });
    client.socket.write('0123456');
    await until(() => server.text === '0123456');
    client.socket.write('789abc');
    // libuv reports a reset that follows bytes closely as an end.
    await until(() => client.closed && (server.closed || server.ended));
    expect(client.error).toBe('ECONNRESET');
    expect(proxy.toServer.bytes).toBe(10);
    expect('0123456789'.startsWith(server.text)).toBe(true);
    await until(() => proxy.connections === 0);
  });

  it('E5: draws the byte of a reset for each connection, the same for the same seed', async () => {
    const cuts = async (): Promise<number[]> => {
      const { proxy, dial } = await rig({ seed: 3 });
      proxy.toServer.set({ resetAfterBytes: [1, 1000] });
      const counts: number[] = [];
      for (let round = 0; round < 5; round++) {
        const before = proxy.toServer.bytes;
        const client = await dial();
        client.socket.write('x'.repeat(2000));
        await until(() => client.closed);
        counts.push(proxy.toServer.bytes - before);
      }
      return counts;
    };
    const first = await cuts();
    expect(await cuts()).toEqual(first);
    expect(new Set(first).size).toBeGreaterThan(2);
    expect(Math.min(...first)).toBeGreaterThanOrEqual(1);
    expect(Math.max(...first)).toBeLessThanOrEqual(1000);
  });

  it('holds everything in a black hole, ends included, and delivers it when that is lifted', async () => {
    const { proxy, client, server } = await pair();
    proxy.toServer.set({ blackHole: true });
    client.socket.end('held');
    server.socket.write('the other way is free');
    await until(() => client.text === 'the other way is free');
    expect([server.text, server.ended]).toEqual(['', false]);
    proxy.toServer.set({});
    await until(() => server.ended);
    expect(server.text).toBe('held');
  });

  it('leaves the other side in a half-open connection, which swallows what it sends', async () => {
    const { proxy, client, server } = await pair();
    proxy.toServer.set({ halfOpen: true });
    client.socket.resetAndDestroy();
    await until(() => client.closed);
    let written = 0;
    for (let round = 0; round < 50; round++) {
      await new Promise((resolve) => server.socket.write('is anybody there?', resolve));
      written++;
    }
    expect(written).toBe(50);
    expect([server.ended, server.error, server.closed]).toEqual([false, undefined, false]);
    expect(proxy.toClient.bytes).toBeLessThanOrEqual('is anybody there?'.length);
  });

  it('ends the receiver after the limit of bytes', async () => {
    const { proxy, client, server } = await pair();
    proxy.toServer.set({ limitBytes: 4 });
    client.socket.write('only four of these');
    await until(() => server.ended);
    expect(server.text).toBe('only');
    expect(client.error).toBe(undefined);
  });

  it('passes an end on late', async () => {
    const { proxy, client, server } = await pair();
    proxy.toServer.set({ slowCloseMs: 50 });
    const start = performance.now();
    client.socket.end('bytes are not late');
    await until(() => server.text === 'bytes are not late');
    expect(server.ended).toBe(false);
    await until(() => server.ended);
    expect(performance.now() - start).toBeGreaterThanOrEqual(49);
  });

  it('passes a reset on as a reset', async () => {
    const { client, server } = await pair();
    client.socket.resetAndDestroy();
    await until(() => server.closed);
    expect(server.error).toBe('ECONNRESET');
  });

  it('resets everything at once, refuses when told to, and takes connections again', async () => {
    const { proxy, client, server, dial } = await pair();
    proxy.resetAll();
    await until(() => client.closed && server.closed);
    expect([client.error, server.error]).toEqual(['ECONNRESET', 'ECONNRESET']);
    proxy.refuse = true;
    const refused = await dial();
    await until(() => refused.closed);
    expect(refused.error).toBe('ECONNRESET');
    proxy.refuse = false;
    const taken = await dial();
    taken.socket.end('hello');
    await until(() => proxy.toServer.bytes === 5);
  });

  it('resets a client when the target does not answer', async () => {
    const gone = createServer();
    await new Promise<void>((resolve) => gone.listen(0, '127.0.0.1', resolve));
    const { port } = gone.address() as AddressInfo;
    await new Promise((resolve) => gone.close(resolve));
    const { dial } = await rig({ target: { network: 'tcp', host: `127.0.0.1:${port}` } });
    const client = await dial();
    await until(() => client.closed);
    expect(client.error).toBe('ECONNRESET');
  });

  it('refuses toxics that cannot be, and a record that was not asked for', async () => {
    const { proxy } = await rig();
    expect(() => proxy.toServer.set({ bytesPerSecond: 0 })).toThrow('bytesPerSecond is 0; give a number, at least 1');
    expect(() => proxy.toServer.set({ resetAfterBytes: [5, 1] })).toThrow('resetAfterBytes is [5,1]; give a number, at least 0, or [from, to]');
    expect(() => proxy.toServer.set({ resetAfterBytes: -1 })).toThrow('resetAfterBytes is -1');
    expect(() => proxy.toServer.set({ latency: 5 } as object)).toThrow('faultProxy: there is no toxic latency; there are latencyMs');
    expect(() => proxy.toServer.set({ blackHole: 'yes' as never })).toThrow('blackHole is yes; give true or false');
    expect(() => proxy.toServer.recorded()).toThrow('set record: true');
  });

  it('closes twice as once, with connections open', async () => {
    const { proxy, client } = await pair();
    await Promise.all([proxy.close(), proxy.close()]);
    await proxy.close();
    await until(() => client.closed || client.ended);
  });
});
