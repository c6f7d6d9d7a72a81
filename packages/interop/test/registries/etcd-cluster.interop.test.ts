import { describeWithEtcd } from '@rpcxjs/registry-servers/vitest';
import { expect, it, vi } from 'vitest';
import { ClusterTown } from './cluster-town.ts';

describeWithEtcd('a cluster of three etcd', () => {
  it('whose leader is killed costs no call, no server its place in the list, and no warning', { timeout: 90_000 }, async () => {
    await using town = await ClusterTown.found();
    const { cluster, ttlMs } = town;
    const addresses = [await town.provider('s0', cluster.address), await town.provider('s1', cluster.address)].toSorted();
    const { lists, load, lines } = town.consumer(cluster.address);
    await vi.waitFor(() => expect(lists.at(-1)).toEqual(addresses), { timeout: 5000 });
    const from = lists.length;
    await load.calls(50);
    const leader = await cluster.leader();
    await leader.kill();
    const others = cluster.members.filter((member) => member !== leader);
    await cluster.leader(others);
    // Beyond the time of what was written before.
    const until = performance.now() + ttlMs + 1000;
    await load.until(() => performance.now() >= until);
    const third = await town.provider('s2', cluster.address);
    await vi.waitFor(() => expect(lists.at(-1)).toEqual([...addresses, third].toSorted()), { timeout: 5000 });
    await load.stop();
    expect(load.phase.reasons).toEqual({});
    expect(lists.slice(from)).toHaveLength(1);
    expect(lines).toEqual([]);
  });

  it('whose leader is cut off tells everybody who knows another member of new servers, and warns of nothing', { timeout: 90_000 }, async () => {
    await using town = await ClusterTown.found();
    const { cluster } = town;
    // Each watches at some member.
    const consumers = Array.from({ length: 5 }, () => town.consumer(cluster.address));
    const first = await town.provider('s0', cluster.address);
    await vi.waitFor(() => expect(consumers.map(({ lists }) => lists.at(-1))).toEqual(consumers.map(() => [first])), { timeout: 5000 });
    const leader = await cluster.leader();
    cluster.cutOff(leader);
    await cluster.leader(cluster.members.filter((member) => member !== leader));
    const both = [first, await town.provider('s1', cluster.address)].toSorted();
    // Four times as long as a member waits for a leader before it says that there is none.
    await vi.waitFor(() => expect(consumers.map(({ lists }) => lists.at(-1))).toEqual(consumers.map(() => both)), { timeout: 12_000 });
    expect(consumers.flatMap(({ lines }) => lines)).toEqual([]);
  });
});
