import { afterEach, describe, expect, it, vi } from 'vitest';
import { failbackup } from '@rpcxjs/client';
import { RpcError } from '@rpcxjs/core';
import { Fleet, killEveryProcess, Load } from '../../src/index.ts';
import { between, callsOf, clientOf } from './calls-of-work.ts';

afterEach(killEveryProcess);

const ms = (id: number): number => between(1, 5, id);
const timeoutMs = 1000;

describe('one of three servers that is frozen, at 500 calls a second with a deadline of a second', () => {
  it('E1/E3: is out within 6 s at the cost of calls that were with it, comes back, and none of its late replies is taken for another', { timeout: 90_000 }, async () => {
    await using fleet = await Fleet.start(3);
    await using client = clientOf({ servers: fleet.addresses });
    await using load = new Load({ ratePerSecond: 500, call: callsOf(client, { ms, timeoutMs }) });
    await load.calls(1000);
    const { address, process: victim, settings } = fleet.at(1);
    const stateOf = () => client.nodes().find((node) => node.address === address);
    const frozen = load.newPhase();
    const frozenAt = performance.now();
    victim.freeze();
    await load.until(() => stateOf()?.state === 'ejected');
    expect(performance.now() - frozenAt, 'milliseconds until it was out').toBeLessThan(6000);
    const sent = frozen.started;
    await load.calls(1000);
    for (const { error } of frozen.lost) expect(error).toMatchObject({ address });
    expect(frozen.lost.length, JSON.stringify(frozen.reasons)).toBeLessThan(sent);
    const out = load.newPhase();
    await load.until(() => performance.now() - frozenAt > 8000);
    victim.thaw();
    await vi.waitFor(() => { expect(stateOf()?.state).toBe('healthy'); }, { timeout: 15_000, interval: 50 });
    const back = load.newPhase();
    await load.calls(1500);
    await load.stop();
    expect(back.reasons).toEqual({});
    expect(back.by(settings.name)).toBeGreaterThan(100);
    for (const { error } of [...frozen.lost, ...out.lost]) expect(RpcError.is(error)).toBe(true);
  });

  it('E3: thawed in time, its late replies are counted and dropped', { timeout: 60_000 }, async () => {
    await using fleet = await Fleet.start(3);
    await using client = clientOf({ servers: fleet.addresses });
    await using load = new Load({ ratePerSecond: 500, call: callsOf(client, { ms, timeoutMs }) });
    await load.calls(1000);
    const victim = fleet.at(2);
    const frozen = load.newPhase();
    victim.process.freeze();
    await load.until(() => frozen.lost.length >= 3);
    victim.process.thaw();
    await vi.waitFor(() => { expect(client.stats().lateReplies).toBeGreaterThan(0); }, { timeout: 10_000 });
    const { lost } = frozen;
    await load.calls(500);
    await load.stop();
    for (const { error } of lost) expect(error).toMatchObject({ code: 'deadline_exceeded', address: victim.address });
    expect(client.stats().connections).toBe(3);
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
