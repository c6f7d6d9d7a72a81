import { afterEach, describe, expect, it, vi } from 'vitest';
import { failbackup } from '@rpcxjs/rpcx';
import { powerOfTwo, roundRobin } from '@rpcxjs/selectors';
import { Fleet, killEveryProcess, Load } from '../../src/index.ts';
import { between, callsOf, clientOf } from './calls-of-work.ts';

afterEach(killEveryProcess);

const ms = (id: number): number => between(1, 5, id);
const timeoutMs = 1000;

describe('one of three servers that is frozen, at 500 calls a second with a deadline of a second', () => {
  it.each([['in turn', roundRobin], ['the better of two', powerOfTwo]] as const)(
    'E1/E3: is out within 6 s at the cost of calls that were with it, and comes back, chosen %s', { timeout: 60_000 }, async (_, selector) => {
      await using fleet = await Fleet.start(3);
      await using client = clientOf({ servers: fleet.addresses, selector: selector() });
      await using load = new Load({ ratePerSecond: 500, call: callsOf(client, { ms, timeoutMs }) });
      await load.calls(1000);
      const { address, process: victim, settings } = fleet.at(1);
      const callsOfIt = (): number => client.nodes().find((node) => node.address === address)?.calls ?? 0;
      const before = callsOfIt();
      const frozen = load.newPhase();
      const frozenAt = performance.now();
      victim.freeze();
      await load.until(() => performance.now() - frozenAt > 8000);
      const late = frozen.lost.filter(({ startedAt }) => startedAt - frozenAt > 6000);
      expect(late.length, 'one call at most has tried it again').toBeLessThanOrEqual(1);
      victim.thaw();
      const back = load.newPhase();
      await load.until(() => back.by(settings.name) > 50);
      await load.stop();
      expect(frozen.lost.length, JSON.stringify(frozen.reasons)).toBeGreaterThan(0);
      expect(frozen.lost.length).toBeLessThanOrEqual(callsOfIt() - before);
      // Each of them was with the frozen one, and an answer to another call would be an error without a code.
      expect([...frozen.lost, ...back.lost].map(({ error }) => error)).toEqual(Array(frozen.lost.length + back.lost.length).fill(expect.objectContaining({ code: 'deadline_exceeded', address })));
      expect(performance.now() - frozenAt, 'milliseconds until it was back').toBeLessThan(30_000);
    });

  it('E3: thawed in time, its late replies are counted and dropped', { timeout: 60_000 }, async () => {
    await using fleet = await Fleet.start(3);
    await using client = clientOf({ servers: fleet.addresses, selector: roundRobin() });
    await using load = new Load({ ratePerSecond: 500, call: callsOf(client, { ms, timeoutMs }) });
    await load.calls(1000);
    const victim = fleet.at(2);
    const frozen = load.newPhase();
    victim.process.freeze();
    await load.until(() => frozen.lost.length >= 3);
    victim.process.thaw();
    await vi.waitFor(() => { expect(client.stats().lateReplies).toBeGreaterThan(0); }, { timeout: 10_000 });
    await load.calls(500);
    await load.stop();
    expect(frozen.lost.map(({ error }) => error)).toEqual(frozen.lost.map(() => expect.objectContaining({ code: 'deadline_exceeded', address: victim.address })));
    expect(client.stats().connections, 'its connection was kept').toBe(3);
  });

  it('E1: costs nothing at all where calls are hedged', { timeout: 60_000 }, async () => {
    await using fleet = await Fleet.start(3);
    await using client = clientOf({ servers: fleet.addresses, failMode: failbackup() });
    await using load = new Load({ ratePerSecond: 500, call: callsOf(client, { ms, kind: 'Read', timeoutMs }) });
    await load.calls(1000);
    const frozen = load.newPhase();
    const since = performance.now();
    fleet.at(0).process.freeze();
    await load.until(() => performance.now() - since > 8000);
    fleet.at(0).process.thaw();
    await load.calls(1000);
    await load.stop();
    expect(frozen.reasons).toEqual({});
  });
});
