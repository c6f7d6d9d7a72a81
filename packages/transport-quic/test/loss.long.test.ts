import { udpFaultProxy } from '@rpcxjs/testing';
import { expect, it } from 'vitest';
import { quic } from '../src/index.ts';
import { bothWays } from './both-ways.ts';
import { describeWithEngine, Ear, listening, quietRuntime, tls } from './sides.ts';

describeWithEngine('quic on a bad line', () => {
  it('100 MB each way at 10 % loss, with duplicates and reordering: nothing is lost and nothing is moved', async () => {
    const congestionControl = 'bbr';
    await using place = await listening({ congestionControl });
    await using proxy = await udpFaultProxy({ target: place.listener.address, seed: 11 });
    const client = new Ear(await quic({ tls, congestionControl }).dial(proxy.address, { runtime: quietRuntime }));
    const toxics = { lossRatio: 0.1, duplicateRatio: 0.05, reorderRatio: 0.05 };
    proxy.toServer.set(toxics);
    proxy.toClient.set(toxics);
    const total = 100_000_000;
    const began = performance.now();
    const { arrived, errors } = await bothWays(client, place, total);
    expect(arrived).toEqual([total, total]);
    expect(errors).toEqual([]);
    expect(proxy.toServer.counts.lost).toBeGreaterThan(7000);
    process.stdout.write(`100 MB each way in ${((performance.now() - began) / 1000).toFixed(1)} s; to the server ${JSON.stringify(proxy.toServer.counts)}\n`);
    client.connection.abort();
  });
});
