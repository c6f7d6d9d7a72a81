import { manualClock, udpFaultProxy } from '@rpcxjs/testing';
import type { ManualClock, UdpFaultProxy } from '@rpcxjs/testing';
import { closeAfterEach, dial, Heard, later, serve, until } from '@rpcxjs/transport-sides';
import { describe, expect, it } from 'vitest';
import { kcp } from '../src/index.ts';
import type { KcpOptions } from '../src/index.ts';

closeAfterEach();

interface Reached {
  readonly clock: ManualClock;
  readonly proxy: UdpFaultProxy;
  readonly client: Awaited<ReturnType<typeof dial>>;
  readonly heard: Heard;
  readonly server: Awaited<ReturnType<typeof dial>>;
  readonly serverHeard: Heard;
}

/** A connection through a path that can be cut, on a clock to hold; both sides have heard each other. */
async function reach(options: KcpOptions = {}): Promise<Reached> {
  const clock = manualClock();
  const transport = kcp(options);
  const { listener, accepted } = await serve(transport, { network: 'kcp', host: '127.0.0.1:0' }, clock);
  const proxy = await udpFaultProxy({ target: listener.address });
  later(() => proxy.close());
  const client = await dial(transport, proxy.address, clock);
  await until(() => accepted.length > 0);
  const [heard, serverHeard] = [new Heard(), new Heard()];
  client.start(heard);
  accepted[0]!.start(serverHeard);
  return { clock, proxy, client, heard, server: accepted[0]!, serverHeard };
}

function cut(proxy: UdpFaultProxy): void {
  proxy.toServer.set({ blackHole: true });
  proxy.toClient.set({ blackHole: true });
}

/** In steps that leave real datagrams the time to travel. */
async function pass(clock: ManualClock, { totalMs, stepMs }: { readonly totalMs: number; readonly stepMs: number }, until: () => boolean = () => false): Promise<number> {
  const begin = clock.now();
  while (clock.now() - begin < totalMs && !until()) {
    await clock.advanceAsync(stepMs);
    await new Promise((resolve) => { setTimeout(resolve, 1); });
  }
  return clock.now() - begin;
}

describe('a path that is cut', () => {
  it('is a dead link after twenty transmissions of a segment, and not before ten seconds of silence', async () => {
    for (const noDelay of [false, true]) {
      const { clock, proxy, client, heard, server, serverHeard } = await reach({ noDelay, intervalMs: 10, keepAliveMs: 0 });
      cut(proxy);
      client.write(Buffer.from('anybody?'));
      const after = await pass(clock, { totalMs: 120_000, stepMs: 500 }, () => heard.closes.length > 0);
      expect(heard.closes).toMatchObject([{ code: 'unavailable', reason: 'CONNECTION_LOST', message: expect.stringMatching(/a segment was sent 2\d times and not acknowledged, .*: is the other side up/) as string }]);
      expect(after).toBeGreaterThanOrEqual(10_000);
      expect(after).toBeLessThan(60_000);
      expect(client.bufferedBytes).toBe(0);
      expect(serverHeard.closes).toEqual([]);
      server.abort();
    }
  });

  it('is noticed on both sides by probes although nobody writes: after 30 s of silence, ten of them', async () => {
    const { clock, proxy, heard, serverHeard } = await reach();
    cut(proxy);
    await pass(clock, { totalMs: 39_000, stepMs: 1000 });
    expect([heard.closes, serverHeard.closes]).toEqual([[], []]);
    await pass(clock, { totalMs: 3000, stepMs: 1000 });
    for (const { closes } of [heard, serverHeard]) expect(closes).toMatchObject([{ reason: 'CONNECTION_LOST', message: expect.stringContaining('no probe was answered') as string }]);
    expect(clock.pending).toBe(0);
  });

  it('for long datagrams alone is a dead link in the end, although the other side is heard', async () => {
    const { clock, proxy, client, heard, server } = await reach({ noDelay: true, intervalMs: 10, deadLink: 4 });
    proxy.toServer.set({ longestBytes: 1000 });
    client.write(Buffer.alloc(5000));
    for (let round = 0; round < 400 && heard.closes.length === 0; round++) {
      server.write(Buffer.from('still here'));
      await pass(clock, { totalMs: 200, stepMs: 50 });
    }
    expect(heard.closes).toMatchObject([{ reason: 'CONNECTION_LOST', message: expect.stringMatching(/a segment was sent 12 times and not acknowledged, .* lower mtuBytes \(here 1400\)/) as string }]);
  });

  it('by a router that forgot it is heard of with the next write', async () => {
    const { proxy, client, heard } = await reach();
    proxy.rebind();
    client.write(Buffer.from('from elsewhere'));
    await until(() => heard.closes.length === 1);
    expect(heard.closes[0]).toMatchObject({ reason: 'CONNECTION_LOST' });
  });

  it('and whole again loses nothing', async () => {
    const { clock, proxy, client, serverHeard } = await reach();
    cut(proxy);
    client.write(Buffer.alloc(10_000, 'abc'));
    await pass(clock, { totalMs: 4000, stepMs: 200 });
    proxy.toServer.set({});
    proxy.toClient.set({});
    await pass(clock, { totalMs: 20_000, stepMs: 50 }, () => serverHeard.bytes.length === 10_000);
    expect(serverHeard.bytes.equals(Buffer.alloc(10_000, 'abc'))).toBe(true);
  });

  it('leaves close() waiting for closeTimeoutMs and no longer', async () => {
    const { clock, proxy, client, heard } = await reach();
    cut(proxy);
    client.write(Buffer.from('last words'));
    const closing = client.close();
    await pass(clock, { totalMs: 5000, stepMs: 250 });
    await closing;
    expect(heard.closes).toMatchObject([{ reason: 'CONNECTION_LOST', message: expect.stringContaining('it did not take everything within 5000 ms after this side closed') as string }]);
  });
});

describe('a path that is whole', () => {
  it('keeps a silent connection for hours, with a probe each 30 s', async () => {
    const { clock, proxy, client, heard, serverHeard } = await reach();
    const before = proxy.toServer.counts.received;
    await pass(clock, { totalMs: 600_000, stepMs: 5000 });
    expect([heard.closes, serverHeard.closes]).toEqual([[], []]);
    expect(proxy.toServer.counts.received - before).toBeLessThan(60);
    client.write(Buffer.from('still there'));
    await until(() => serverHeard.text === 'still there');
  });

  it('that loses the word of an open window goes on: it is said and asked for again', async () => {
    const { clock, proxy, client, server, serverHeard } = await reach();
    server.pause();
    client.write(Buffer.alloc(200_000, 'abc'));
    await pass(clock, { totalMs: 2000, stepMs: 50 });
    expect(serverHeard.bytes.length).toBe(0);
    expect(client.bufferedBytes).toBeGreaterThan(100_000);
    proxy.toClient.set({ blackHole: true });
    server.resume();
    await pass(clock, { totalMs: 100, stepMs: 50 });
    proxy.toClient.set({});
    await pass(clock, { totalMs: 20_000, stepMs: 50 }, () => serverHeard.bytes.length === 200_000);
    expect(serverHeard.bytes.length).toBe(200_000);
  });
});
