import { afterEach, describe, expect, it } from 'vitest';
import { RpcError } from '@rpcxjs/core';
import { Fleet, killEveryProcess, Load, Work } from '../../src/index.ts';
import { between, callsOf, clientOf } from './calls-of-work.ts';

afterEach(killEveryProcess);

const failure = (call: Promise<unknown>): Promise<unknown> => call.then((value) => new Error(`it succeeded with ${JSON.stringify(value)}`), (error: unknown) => error);

describe('calls between processes', () => {
  it('D1: a deadline runs out along a chain of four servers: the last one never runs, and each saw less than the one before', { timeout: 30_000 }, async () => {
    await using fleet = await Fleet.start(4);
    const [first, ...others] = fleet.addresses;
    await using client = clientOf({ servers: first ?? '' });
    const { Chain } = client.service(Work);
    // Connections and code are warm after one call that has the time.
    await Chain({ Id: 1, Ms: 0, Next: others });
    const startedAt = performance.now();
    const error = await failure(Chain({ Id: 2, Ms: 80, Next: others }, { timeoutMs: 200 }));
    const tookMs = performance.now() - startedAt;
    expect(error).toMatchObject({ code: 'deadline_exceeded' });
    expect(Math.abs(tookMs - 200), `${tookMs} ms`).toBeLessThan(30);
    const reports = await Promise.all([0, 1, 2, 3].map((index) => fleet.at(index).report()));
    expect(reports.map(({ executed }) => executed)).toEqual([2, 2, 2, 1]);
    const seen = reports.slice(0, 3).map(({ remainingMs }) => remainingMs[1] ?? Number.NaN);
    expect(seen[0]).toBeLessThanOrEqual(200);
    expect(seen[1]).toBeLessThanOrEqual((seen[0] ?? 0) - 79);
    expect(seen[2]).toBeLessThanOrEqual((seen[1] ?? 0) - 79);
    expect(seen[2]).toBeGreaterThan(0);
  });

  it('D5: a server that dies between the deed and the reply: what is not idempotent is done once, and its caller gets to know', { timeout: 60_000 }, async () => {
    await using fleet = await Fleet.start(3);
    await using client = clientOf({ servers: fleet.addresses });
    await using load = new Load({ ratePerSecond: 300, call: callsOf(client, { ms: (id) => between(1, 20, id), kind: 'Write' }) });
    for (let round = 0; round < 6; round++) {
      await load.calls(50);
      const victim = fleet.at(round % 3);
      const gone = victim.process.ended;
      await victim.behave({ dieAfter: 20 });
      expect(await gone).toEqual({ code: null, signal: 'SIGKILL' });
      await load.calls(50);
      await fleet.replace(round % 3);
    }
    const { phase } = load;
    await load.stop();
    const runs = fleet.executions();
    expect([...runs].filter(([, times]) => times > 1)).toEqual([]);
    expect(phase.lost.length, 'each death had at least one call between deed and reply').toBeGreaterThanOrEqual(6);
    for (const { error } of phase.lost) expect(RpcError.is(error) && error.code).toBe('unavailable');
    expect(phase.lost.filter(({ id, error }) => runs.has(id) && !(error as RpcError).sent), 'what ran was not called unsent').toEqual([]);
    expect(phase.answers + phase.lost.length).toBe(phase.started);
  });


  it('D10: a server busy for 3 s lets its callers go at their deadlines, answers the patient ones, and keeps its connection', { timeout: 30_000 }, async () => {
    await using fleet = await Fleet.start(1);
    await using client = clientOf({ servers: fleet.addresses });
    const { Spin, Write } = client.service(Work);
    await Write({ Id: 1, Ms: 0 });
    const startedAt = performance.now();
    const spin = Spin({ Id: 2, Ms: 3000 });
    const patient = Array.from({ length: 10 }, (_, n) => Write({ Id: 10 + n, Ms: 0 }));
    const hasty = await Promise.all(Array.from({ length: 10 }, (_, n) => failure(Write({ Id: 20 + n, Ms: 0 }, { timeoutMs: 500 }))));
    const tookMs = performance.now() - startedAt;
    expect(tookMs).toBeGreaterThanOrEqual(499);
    expect(tookMs, 'their own deadline ends them, not the server').toBeLessThan(1500);
    for (const error of hasty) expect(error).toMatchObject({ code: 'deadline_exceeded' });
    expect(await spin).toMatchObject({ Id: 2 });
    expect((await Promise.all(patient)).map(({ Id }) => Id)).toEqual(patient.map((_, n) => 10 + n));
    expect((await fleet.at(0).report()).accepted).toHaveLength(1);
  });
});
