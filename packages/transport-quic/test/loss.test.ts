import { setTimeout as turn } from 'node:timers/promises';
import { udpFaultProxy } from '@rpcxjs/testing';
import type { UdpFaultProxy } from '@rpcxjs/testing';
import { expect, it } from 'vitest';
import { quic } from '../src/index.ts';
import { bothWays } from './both-ways.ts';
import { describeWithEngine, Ear, listening, quietRuntime, tls, until } from './sides.ts';

const toxics = { lossRatio: 0.1, duplicateRatio: 0.05, reorderRatio: 0.05 };

describeWithEngine('quic on a bad line', () => {
  for (const [congestionControl, mebibytes] of [['bbr', 4], ['cubic', 0.25]] as const) {
    it(`${mebibytes} MiB each way with ${congestionControl} at 10 % loss, with duplicates and reordering: nothing is lost and nothing is moved`, async () => {
      await using place = await listening({ congestionControl });
      await using proxy = await udpFaultProxy({ target: place.listener.address, seed: 7 });
      const client = new Ear(await quic({ tls, congestionControl }).dial(proxy.address, { runtime: quietRuntime }));
      proxy.toServer.set(toxics);
      proxy.toClient.set(toxics);
      const total = mebibytes * 1024 * 1024;
      const { arrived, errors } = await bothWays(client, place, total);
      expect(arrived).toEqual([total, total]);
      expect(errors).toEqual([]);
      const { lost, reordered } = proxy.toServer.counts;
      // At least one datagram for each 1350 bytes.
      expect(lost).toBeGreaterThan((total / 1350) * 0.07);
      expect(reordered).toBeGreaterThan(0);
      client.connection.abort();
    });
  }

  it('a handshake survives a line that loses every fifth datagram', async () => {
    await using place = await listening();
    await using proxy = await udpFaultProxy({ target: place.listener.address, seed: 3 });
    proxy.toServer.set({ lossRatio: 0.2 });
    proxy.toClient.set({ lossRatio: 0.2 });
    for (let round = 0; proxy.toServer.counts.lost + proxy.toClient.counts.lost < 3; round++) {
      expect(round).toBeLessThan(30);
      const connection = await quic({ tls }).dial(proxy.address, { runtime: quietRuntime });
      connection.abort();
    }
  });

  it('goes on where the word that a reader has room again is lost', async () => {
    const windowBytes = 64 * 1024;
    await using place = await listening({ windowBytes, maxWindowBytes: windowBytes });
    await using proxy = await udpFaultProxy({ target: place.listener.address });
    const client = new Ear(await quic({ tls }).dial(proxy.address, { runtime: quietRuntime }));
    client.connection.write(Buffer.from('x'));
    await until(() => place.accepted[0]?.bytes === 1, 'the byte arrived');
    const server = place.accepted[0];
    server?.connection.pause();
    client.connection.write(new Uint8Array(4 * windowBytes));
    await settled(proxy);
    proxy.toClient.set({ blackHole: true });
    server?.connection.resume();
    await until(() => proxy.toClient.counts.swallowed > 0 && (server?.bytes ?? 0) >= windowBytes, 'all that had come was read, and nobody was told');
    proxy.toClient.set({});
    await until(() => server?.bytes === 1 + 4 * windowBytes, 'the rest arrived');
    client.connection.abort();
  });
});

/** Until nothing has moved for a while: the window is full. */
async function settled(proxy: UdpFaultProxy): Promise<void> {
  for (let quiet = 0, before = -1; quiet < 100; quiet++) {
    const { received } = proxy.toServer.counts;
    if (received !== before) quiet = 0;
    before = received;
    await turn();
  }
}
