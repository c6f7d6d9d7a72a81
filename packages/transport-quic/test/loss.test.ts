import { udpFaultProxy } from '@rpcxjs/testing';
import { expect, it } from 'vitest';
import { quic } from '../src/index.ts';
import { bothWays } from './both-ways.ts';
import { describeWithEngine, Ear, listening, quietRuntime, tls } from './sides.ts';

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
});
