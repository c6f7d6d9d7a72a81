import { describeWithEtcd } from '@rpcxjs/registry-servers/vitest';
import { expect, it, vi } from 'vitest';
import { ClusterTown } from './cluster-town.ts';

describeWithEtcd('a cluster of three etcd', () => {
  it('G8: whose leader is cut off costs no call on either side, changes a list twice at most, and agrees again within 10 s', { timeout: 90_000 }, async () => {
    await using town = await ClusterTown.found();
    const { cluster } = town;
    const leader = await cluster.leader();
    const others = cluster.members.filter((member) => member !== leader);
    const [alone, most, all] = [leader.address, others.map(({ address }) => address), cluster.address];
    const lonely = await town.provider('lonely', alone);
    const rest = [await town.provider('most', most), await town.provider('all', all)].toSorted();
    const everybody = [lonely, ...rest].toSorted();
    const consumers = [alone, most, all].map((endpoints) => town.consumer(endpoints));
    const [, ofMost, ofAll] = consumers;
    await vi.waitFor(() => expect(consumers.map(({ lists }) => lists.at(-1))).toEqual([everybody, everybody, everybody]), { timeout: 5000 });
    for (const { lists } of consumers) lists.length = 0;
    for (const { load } of consumers) await load.calls(50);
    cluster.cutOff(leader);
    // What the leader was told last ends on the side of the others.
    await vi.waitFor(() => expect([ofMost?.lists, ofAll?.lists]).toEqual([[rest], [rest]]), { timeout: 20_000, interval: 100 });
    for (const { load } of consumers) await load.calls(100);
    cluster.heal();
    await vi.waitFor(() => expect(consumers.map(({ lists }) => lists.at(-1) ?? everybody)).toEqual([everybody, everybody, everybody]), { timeout: 10_000, interval: 100 });
    for (const { load } of consumers) await load.calls(100);
    for (const { load } of consumers) await load.stop();
    expect(consumers.map(({ load }) => load.phase.reasons)).toEqual([{}, {}, {}]);
    for (const { lists } of consumers) expect(lists.length).toBeLessThanOrEqual(2);
    // Who knows other members hears nothing of it.
    expect(consumers.map(({ lines }) => lines)).toEqual([[expect.stringContaining('does not answer')], [], []]);
  });

  it('one of whose members is frozen takes registrations and tells of them, and warns of nothing', { timeout: 90_000 }, async () => {
    await using town = await ClusterTown.found();
    const { cluster } = town;
    const first = await town.provider('s0', cluster.address);
    const consumers = Array.from({ length: 3 }, () => town.consumer(cluster.address));
    await vi.waitFor(() => expect(consumers.map(({ lists }) => lists.at(-1))).toEqual(consumers.map(() => [first])), { timeout: 5000 });
    const leader = await cluster.leader();
    const frozen = cluster.members.find((member) => member !== leader);
    frozen?.freeze();
    // Each asks several times whether it still answers.
    const until = performance.now() + 15_000;
    for (const { load } of consumers) await load.until(() => performance.now() >= until);
    const second = await town.provider('s1', cluster.address);
    const both = [first, second].toSorted();
    // Who watches at the frozen one reads the list within half a minute.
    await vi.waitFor(() => expect(consumers.map(({ lists }) => lists.at(-1))).toEqual(consumers.map(() => both)), { timeout: 40_000 });
    for (const { load } of consumers) await load.stop();
    frozen?.thaw();
    expect(consumers.map(({ load, lines }) => [load.phase.reasons, lines])).toEqual(consumers.map(() => [{}, []]));
  });
});
