import { createSocket } from 'node:dgram';
import type { Socket } from 'node:dgram';
import { splitHostPort } from '@rpcxjs/core';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { manualClock } from './manual-clock.ts';
import { seededRandom } from './seeded-random.ts';
import { udpFaultProxy } from './udp-fault-proxy.ts';
import type { UdpFaultProxy, UdpFaultProxyOptions } from './udp-fault-proxy.ts';

/** A socket, and what it got. */
class End {
  readonly socket: Socket = createSocket('udp4');
  readonly got: string[] = [];
  readonly ports = new Set<number>();

  constructor() {
    this.socket.on('message', (bytes, from) => {
      this.got.push(bytes.toString());
      this.ports.add(from.port);
    });
  }

  bind(): Promise<number> {
    return new Promise((resolve) => this.socket.bind(0, '127.0.0.1', () => resolve(this.socket.address().port)));
  }
}

interface Rig {
  readonly proxy: UdpFaultProxy;
  readonly server: End;
  readonly client: End;
  /** Sends, and waits until the proxy has it: so nothing is lost but by the proxy. */
  up(...texts: string[]): Promise<void>;
  down(...texts: string[]): Promise<void>;
}

const opened: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of opened.splice(0).reverse()) await close();
});

const until = (condition: () => boolean): Promise<void> => vi.waitFor(() => expect(condition()).toBe(true), { timeout: 5000, interval: 2 });
const numbers = (count: number): string[] => Array.from({ length: count }, (_, index) => String(index));

async function rig(options: Partial<UdpFaultProxyOptions> = {}): Promise<Rig> {
  const [server, client] = [new End(), new End()];
  const proxy = await udpFaultProxy({ target: `127.0.0.1:${await server.bind()}`, ...options });
  await client.bind();
  opened.push(async () => {
    await proxy.close();
    for (const end of [server, client]) await new Promise<void>((resolve) => end.socket.close(resolve));
  });
  const { port } = splitHostPort(proxy.address.host);
  const up = async (...texts: string[]): Promise<void> => {
    for (const text of texts) {
      const before = proxy.toServer.counts.received;
      client.socket.send(text, port, '127.0.0.1');
      await vi.waitFor(() => expect(proxy.toServer.counts.received).toBe(before + 1), { interval: 0 });
    }
  };
  const down = async (...texts: string[]): Promise<void> => {
    const [path] = [...server.ports].slice(-1);
    for (const text of texts) {
      const before = proxy.toClient.counts.received;
      server.socket.send(text, path, '127.0.0.1');
      await vi.waitFor(() => expect(proxy.toClient.counts.received).toBe(before + 1), { interval: 0 });
    }
  };
  return { proxy, server, client, up, down };
}

/** The four draws of each datagram of a direction, as the proxy makes them. */
function draws(seed: number, count: number): { readonly loss: number; readonly duplicate: number; readonly reorder: number }[] {
  const random = seededRandom(seed);
  return Array.from({ length: count }, () => {
    const [loss, duplicate, reorder] = [random(), random(), random()];
    random();
    return { loss, duplicate, reorder };
  });
}

describe('udpFaultProxy', () => {
  it('passes datagrams on as they are, gives each client a path of its own, counts and records', async () => {
    const { proxy, server, client, up, down } = await rig({ record: true });
    await up('one', 'two', '');
    await until(() => server.got.length === 3);
    await down('three');
    await until(() => client.got.length === 1);
    expect([server.got, client.got]).toEqual([['one', 'two', ''], ['three']]);
    expect(client.ports).toEqual(new Set([splitHostPort(proxy.address.host).port]));
    const other = new End();
    other.socket.send('from another', splitHostPort(proxy.address.host).port, '127.0.0.1');
    await until(() => server.got.length === 4);
    expect([server.ports.size, proxy.clients]).toEqual([2, 2]);
    expect([proxy.toServer.counts, proxy.toClient.counts]).toMatchObject([{ received: 4, passed: 4, lost: 0, waiting: 0 }, { received: 1, passed: 1 }]);
    expect([proxy.toServer.bytes, proxy.toServer.recorded().map((bytes) => Buffer.from(bytes).toString())]).toEqual([18, ['one', 'two', '', 'from another']]);
    other.socket.close();
  });

  it('speaks of the network of its target', async () => {
    const { proxy } = await rig();
    expect(proxy.address.network).toBe('udp');
    await using kcp = await udpFaultProxy({ target: 'kcp@localhost:9' });
    expect(kcp.address).toMatchObject({ network: 'kcp', host: expect.stringMatching(/^127\.0\.0\.1:\d+$/) as string });
    await using six = await udpFaultProxy({ target: { network: 'quic', host: '[::1]:9' }, listen: '[::1]:0' });
    expect(six.address.host).toMatch(/^\[::1\]:\d+$/);
  });

  it('loses the part that it was told, the same for the same seed, and another part with another', async () => {
    const passed = async (seed: number): Promise<string[]> => {
      const { proxy, server, up } = await rig({ seed });
      proxy.toServer.set({ lossRatio: 0.3 });
      await up(...numbers(100));
      await until(() => server.got.length === proxy.toServer.counts.passed);
      expect(proxy.toServer.counts).toMatchObject({ received: 100, passed: server.got.length, lost: 100 - server.got.length });
      return server.got;
    };
    const first = await passed(7);
    expect(first).toEqual(numbers(100).filter((_, index) => (draws(7, 100)[index]?.loss ?? 0) >= 0.3));
    expect(await passed(7)).toEqual(first);
    expect(await passed(8)).not.toEqual(first);
  });

  it('loses the same datagrams whatever else it does to them, and something else on the way back', async () => {
    const { proxy, server, client, up, down } = await rig({ seed: 7 });
    proxy.toServer.set({ lossRatio: 0.3, duplicateRatio: 0.5, reorderRatio: 0.5, reorderHoldMs: 1 });
    proxy.toClient.set({ lossRatio: 0.3 });
    await up(...numbers(50));
    await until(() => server.got.length === proxy.toServer.counts.passed && proxy.toServer.counts.waiting === 0);
    const kept = numbers(50).filter((_, index) => (draws(7, 50)[index]?.loss ?? 0) >= 0.3);
    expect([...new Set(server.got)].toSorted()).toEqual(kept.toSorted());
    await down(...numbers(50));
    await until(() => client.got.length === proxy.toClient.counts.passed);
    expect(client.got).not.toEqual(kept);
  });

  it('passes the part twice that it was told', async () => {
    const { proxy, server, up } = await rig({ seed: 3 });
    proxy.toServer.set({ duplicateRatio: 0.2 });
    await up(...numbers(60));
    const twice = draws(3, 60).filter((drawn) => drawn.duplicate < 0.2).length;
    expect(twice).toBeGreaterThan(3);
    await until(() => server.got.length === 60 + twice);
    expect(proxy.toServer.counts).toMatchObject({ received: 60, passed: 60 + twice, duplicated: twice });
    expect([...new Set(server.got)]).toEqual(numbers(60));
  });

  it('holds a datagram back until the next n have overtaken it', async () => {
    const { proxy, server, up } = await rig();
    proxy.toServer.set({ reorderRatio: 1, reorderDepth: 2, reorderHoldMs: 1e9 });
    await up('late');
    proxy.toServer.set({});
    await up('a');
    await until(() => server.got.length === 1);
    expect(proxy.toServer.counts).toMatchObject({ waiting: 1, reordered: 1 });
    await up('b', 'c');
    await until(() => server.got.length === 4);
    expect(server.got).toEqual(['a', 'b', 'late', 'c']);
    expect(proxy.toServer.counts).toMatchObject({ waiting: 0, passed: 4 });
  });

  it('draws what is held back, and lets it go after a while when nothing comes behind it', async () => {
    const clock = manualClock();
    const { proxy, server, up } = await rig({ seed: 5, clock });
    proxy.toServer.set({ reorderRatio: 0.1 });
    await up(...numbers(80));
    const held = draws(5, 80).filter((drawn) => drawn.reorder < 0.1).length;
    expect(held).toBeGreaterThan(2);
    expect(proxy.toServer.counts.reordered).toBe(held);
    proxy.toServer.set({ reorderRatio: 1 });
    await up('last');
    const { waiting } = proxy.toServer.counts;
    clock.advance(49);
    expect(proxy.toServer.counts.waiting).toBe(waiting);
    clock.advance(1);
    expect([proxy.toServer.counts.waiting, clock.pending]).toEqual([0, 0]);
    await until(() => server.got.length === 81);
    expect(server.got).not.toEqual([...numbers(80), 'last']);
    expect(server.got.toSorted()).toEqual([...numbers(80), 'last'].toSorted());
  });

  it('delays one direction by the latency, in order, and by the jitter, out of order', async () => {
    const clock = manualClock();
    const { proxy, server, client, up, down } = await rig({ clock });
    proxy.toServer.set({ latencyMs: 60 });
    await up(...numbers(20));
    await until(() => proxy.toServer.counts.waiting === 20);
    clock.advance(59);
    expect(proxy.toServer.counts.passed).toBe(0);
    clock.advance(1);
    await until(() => server.got.length === 20);
    expect(server.got).toEqual(numbers(20));
    await down('at once');
    await until(() => client.got.length === 1);
    proxy.toServer.set({ latencyMs: 10, jitterMs: 40 });
    await up(...numbers(20));
    clock.advance(9);
    expect(proxy.toServer.counts.waiting).toBe(20);
    for (let ms = 0; ms < 41; ms++) clock.advance(1);
    await until(() => server.got.length === 40);
    expect(server.got.slice(20)).not.toEqual(numbers(20));
    expect(server.got.slice(20).toSorted()).toEqual(numbers(20).toSorted());
    expect(clock.pending).toBe(0);
  });

  it('limits the bandwidth, and loses what a full queue cannot take', async () => {
    const clock = manualClock();
    const { proxy, server, up } = await rig({ clock });
    proxy.toServer.set({ bytesPerSecond: 10_000, queueBytes: 500 });
    await up(...Array.from({ length: 8 }, (_, index) => String(index).repeat(100)));
    expect(proxy.toServer.counts).toMatchObject({ waiting: 5, overflowed: 3 });
    clock.advance(10);
    expect(proxy.toServer.counts.passed).toBe(1);
    clock.advance(40);
    await until(() => server.got.length === 5);
    await up('x'.repeat(2000));
    clock.advance(200);
    await until(() => server.got.length === 6);
  });

  it('loses datagrams that are too long for the path', async () => {
    const { proxy, server, up } = await rig();
    proxy.toServer.set({ longestBytes: 5 });
    await up('12345', '123456', 'x');
    await until(() => server.got.length === 2);
    expect([server.got, proxy.toServer.counts.oversized]).toEqual([['12345', 'x'], 1]);
  });

  it('is a black hole for one direction, and lets nothing out of it when that is lifted', async () => {
    const { proxy, server, client, up, down } = await rig();
    await up('hello');
    await until(() => server.got.length === 1);
    proxy.toServer.set({ blackHole: true });
    await up('is', 'anybody', 'there');
    await down('the other way is free');
    await until(() => client.got.length === 1);
    proxy.toServer.set({});
    await up('again');
    await until(() => server.got.length === 2);
    expect([server.got, proxy.toServer.counts.swallowed]).toEqual([['hello', 'again'], 3]);
  });

  it('forgets a path: the same client comes from another port, and what was under way is gone', async () => {
    const { proxy, server, up } = await rig();
    await up('first');
    await until(() => server.got.length === 1);
    proxy.toServer.set({ latencyMs: 1e6 });
    await up('under way');
    proxy.rebind();
    expect([proxy.clients, proxy.toServer.counts.swallowed, proxy.toServer.counts.waiting]).toEqual([0, 1, 0]);
    proxy.toServer.set({});
    await up('second');
    await until(() => server.got.length === 2);
    expect([server.got, server.ports.size]).toEqual([['first', 'second'], 2]);
  });

  it('goes on when the target does not answer, and when it is back', async () => {
    const gone = new End();
    const port = await gone.bind();
    await new Promise<void>((resolve) => gone.socket.close(resolve));
    const { proxy, up } = await rig({ target: `127.0.0.1:${port}` });
    await up('a', 'b', 'c');
    const back = createSocket('udp4');
    const texts: string[] = [];
    back.on('message', (bytes) => texts.push(bytes.toString()));
    await new Promise<void>((resolve) => back.bind(port, '127.0.0.1', resolve));
    await up('d');
    await until(() => texts.length === 1);
    expect(proxy.toServer.counts.passed).toBe(4);
    back.close();
  });

  it('refuses toxics that cannot be, a record that was not asked for, and a port that is taken', async () => {
    const { proxy } = await rig();
    expect(() => proxy.toServer.set({ lossRatio: 10 })).toThrow('lossRatio is 10; give a number, at least 0 and at most 1');
    expect(() => proxy.toServer.set({ bytesPerSecond: 0 })).toThrow('bytesPerSecond is 0; give a number, at least 1');
    expect(() => proxy.toServer.set({ loss: 0.1 } as object)).toThrow('there is no toxic loss; there are lossRatio');
    expect(() => proxy.toServer.recorded()).toThrow('set record: true');
    await expect(udpFaultProxy({ target: '127.0.0.1:9', listen: proxy.address.host })).rejects.toMatchObject({ code: 'EADDRINUSE' });
    await expect(udpFaultProxy({ target: 'nowhere' })).rejects.toThrow('is no host and port');
  });

  it('closes twice as once, and leaves no socket and no timer, whatever was under way', async () => {
    const sockets = (): number => process.getActiveResourcesInfo().filter((kind) => kind === 'UDPWrap').length;
    const clock = manualClock();
    const { proxy, up } = await rig({ clock });
    const before = sockets();
    proxy.toServer.set({ latencyMs: 1e6, reorderRatio: 0.5, reorderHoldMs: 1e6 });
    await up(...numbers(10));
    expect([proxy.toServer.counts.waiting, clock.pending > 0]).toEqual([10, true]);
    await Promise.all([proxy.close(), proxy.close()]);
    await proxy.close();
    expect(clock.pending).toBe(0);
    await until(() => sockets() === before - 1);
  });
});
