import { afterEach, describe, expect, it, vi } from 'vitest';
import { dialProbe, instanceList, stabilised } from '@rpcxjs/core/discoveries';
import { tcp } from '@rpcxjs/transport-tcp';
import { Fleet, killEveryProcess, Load } from '../../src/index.ts';
import { between, callsOf, clientOf } from './calls-of-work.ts';

afterEach(killEveryProcess);

const ms = (id: number): number => between(1, 10, id);

describe('a registry that forgets', () => {
  it('G4: empties its list, or drops half of it, and calls go on where servers answer; those that died are dropped, and the list counts again when it is whole', { timeout: 60_000 }, async () => {
    await using fleet = await Fleet.start(4);
    const list = instanceList(fleet.addresses);
    const discovery = stabilised(list, { probe: dialProbe([tcp()]), probeEveryMs: 300, probeTimeoutMs: 1000 });
    await using client = clientOf({ discovery });
    await using load = new Load({ ratePerSecond: 500, call: callsOf(client, { ms }) });
    await load.calls(500);
    const named = () => client.nodes().map(({ address }) => address).toSorted();

    list.update([]);
    const empty = load.newPhase();
    await load.calls(800);
    expect([...empty.answered.keys()].toSorted(), 'all four still answer').toEqual(['s1', 's2', 's3', 's4']);

    list.update(fleet.addresses);
    await load.calls(100);
    list.update(fleet.addresses.slice(0, 2));
    const half = load.newPhase();
    await load.calls(800);
    expect([...half.answered.keys()].toSorted()).toEqual(['s1', 's2', 's3', 's4']);

    // One that the list has forgotten dies: two probes are enough.
    const { address } = fleet.at(3);
    await fleet.at(3).drain();
    await vi.waitFor(() => { expect(named()).not.toContain(address); }, { timeout: 5000 });
    await load.calls(200);

    // And one that left the list by itself is gone at once, and not called any more.
    list.update(fleet.addresses.slice(0, 3));
    await load.calls(100);
    list.update(fleet.addresses.slice(0, 2));
    await vi.waitFor(() => { expect(named()).toEqual(fleet.addresses.slice(0, 2).toSorted()); }, { timeout: 5000 });
    const retired = load.newPhase();
    await load.calls(500);
    await load.stop();
    expect(retired.by('s3')).toBe(0);
    expect([empty.reasons, half.reasons, retired.reasons]).toEqual([{}, {}, {}]);
  });
});
