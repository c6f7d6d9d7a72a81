import { afterEach, describe, expect, it, vi } from 'vitest';
import { failbackup, failfast } from '@rpcxjs/client';
import { roundRobin } from '@rpcxjs/selectors';
import { Fleet, killEveryProcess, Load, Work } from '../../src/index.ts';
import { between, callsOf, clientOf } from './calls-of-work.ts';
import { executedBy, expectBoundedAttempts } from './failing-fleet.ts';

afterEach(killEveryProcess);

// Short enough for a test; the defaults are ten times as long.
const health = { intervalMs: 1000, ejectionMs: 1000 };

describe('servers that fail', () => {
  it('D6: all of them, and attempts stay below 1.25 of the calls', { timeout: 30_000 }, async () => {
    await expectBoundedAttempts(3);
  });

  it('D8: one of five that fails every second call is out within two intervals, and back after one probe when it is well', { timeout: 60_000 }, async () => {
    await using fleet = await Fleet.start(5);
    // A selector that looks at latency and failures would send it next to nothing to judge it by.
    await using client = clientOf({ servers: fleet.addresses, failMode: failfast(), health, selector: roundRobin() });
    await using load = new Load({ ratePerSecond: 500, call: callsOf(client, { ms: () => 1 }) });
    await load.calls(500);
    const sick = fleet.at(2);
    const node = () => client.nodes().find(({ address }) => address === sick.address);
    await sick.behave({ failShare: 0.5 });
    const since = performance.now();
    await load.until(() => node()?.state === 'ejected');
    expect(performance.now() - since, 'milliseconds until it was out').toBeLessThan(2 * health.intervalMs);
    expect(node()).toMatchObject({ ejectedFor: 'success-rate', evidence: expect.stringMatching(/\d/) });
    expect(client.nodes().filter(({ state }) => state !== 'healthy'), 'the others are in').toHaveLength(1);
    await load.until(() => (node()?.inFlight ?? 0) === 0);
    await sick.behave({ failShare: 0 });
    const before = await executedBy(fleet, [2]);
    const executed = node()?.calls ?? 0;
    await load.until(() => node()?.state === 'healthy');
    const calls = (node()?.calls ?? 0) - executed;
    expect(calls, 'calls that tried it out').toBeLessThanOrEqual(1);
    const well = load.newPhase();
    await load.calls(1000);
    await load.stop();
    expect(well.reasons).toEqual({});
    expect(await executedBy(fleet, [2]) - before, 'it has its share again').toBeGreaterThan(100);
  });

  it('D8: where all are sick all are called, and the only server of a list is never out', { timeout: 60_000 }, async () => {
    await using fleet = await Fleet.start(5);
    await using client = clientOf({ servers: fleet.addresses, failMode: failfast(), health });
    await using single = clientOf({ servers: fleet.at(0).address, failMode: failfast(), health });
    await Promise.all([0, 1, 2, 3, 4].map((index) => fleet.at(index).behave({ failShare: 1 })));
    {
      await using load = new Load({ ratePerSecond: 500, call: callsOf(client, { ms: () => 1 }) });
      await load.calls(1500);
      const counts = await Promise.all([0, 1, 2, 3, 4].map((index) => executedBy(fleet, [index])));
      await load.calls(500);
      const later = await Promise.all([0, 1, 2, 3, 4].map((index) => executedBy(fleet, [index])));
      const shares = later.map((count, index) => (count - (counts[index] ?? 0)) / 500);
      expect(Math.max(...shares), `the load of 5 sick servers: ${shares.join(', ')}`).toBeLessThan(0.75);
      expect(client.nodes().filter(({ state }) => state === 'ejected').length).toBeLessThanOrEqual(2);
    }
    await using load = new Load({ ratePerSecond: 200, call: callsOf(single, { ms: () => 1 }) });
    await load.calls(200);
    await fleet.at(0).behave({ failShare: 0 });
    const well = load.newPhase();
    await load.calls(200);
    await load.stop();
    expect(well.reasons, 'the first call after it is well succeeds').toEqual({});
  });

  it('D7: one of three that is 500 ms slower costs a hedging caller nothing to speak of', { timeout: 60_000 }, async () => {
    await using fleet = await Fleet.start(3);
    await using client = clientOf({ servers: fleet.addresses, failMode: failbackup() });
    await using load = new Load({ ratePerSecond: 400, call: callsOf(client, { ms: (id) => between(1, 5, id), kind: 'Read' }) });
    const even = load.newPhase();
    await load.calls(1000);
    const executed = await executedBy(fleet, [0, 1, 2]);
    await fleet.at(1).behave({ extraMs: 500 });
    const slow = load.newPhase();
    await load.calls(3000);
    await load.stop();
    const { aborted } = await fleet.at(1).report();
    const extra = (await executedBy(fleet, [0, 1, 2])) - executed - slow.started;
    expect(slow.reasons).toEqual({});
    // Beyond what calls take on this machine anyway.
    expect(slow.quantile(0.99) - even.quantile(0.99)).toBeLessThan(100);
    expect(extra / slow.started, 'extra load').toBeLessThan(0.1);
    expect(aborted, 'losers that were told to stop').toBeGreaterThan(0);
    await vi.waitFor(async () => { expect((await fleet.at(1).report()).running).toBe(0); });
  });

  it('D7: an error of one never beats the success of the other', { timeout: 30_000 }, async () => {
    await using fleet = await Fleet.start(2);
    await using client = clientOf({ servers: fleet.addresses, failMode: failbackup({ latencyMs: 20 }), health: false });
    await fleet.at(0).behave({ failShare: 1, extraMs: 40 });
    await fleet.at(1).behave({ extraMs: 80 });
    const { Read } = client.service(Work);
    // Either server is asked first: the error comes at 40 or 60 ms, the success after it.
    const replies = await Promise.all(Array.from({ length: 20 }, (_, id) => Read({ Id: id, Ms: 0 })));
    expect(replies.map(({ From }) => From)).toEqual(replies.map(() => 's2'));
  });
});
