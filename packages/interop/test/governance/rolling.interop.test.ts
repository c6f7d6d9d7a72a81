import { afterEach, describe, expect, it } from 'vitest';
import { Fleet, killEveryProcess, Load, type LoadPhase } from '../../src/index.ts';
import { between, callsOf, clientOf } from './calls-of-work.ts';

afterEach(killEveryProcess);

const mixed = (id: number): number => between(1, 50, id);

describe('servers that are restarted', () => {
  it('F1: three servers rolled under load, each of them twice: 0 of 20 000 calls fail, and none runs twice', { timeout: 120_000 }, async () => {
    await using fleet = await Fleet.start(3);
    await using client = clientOf({ servers: fleet.addresses });
    await using load = new Load({ ratePerSecond: 2000, call: callsOf(client, { ms: mixed }) });
    await load.calls(1000);
    const calm = load.newPhase();
    await load.calls(4000);
    const rolled = load.newPhase();
    for (let roll = 0; roll < 6; roll++) {
      expect(await fleet.roll(roll % 3)).toEqual({ code: 0, signal: null });
      await load.calls(500);
    }
    await load.until(() => rolled.answers + rolled.lost.length >= 20_000);
    await load.stop();
    expectNoneLost([calm, rolled]);
    expect(rolled.answers).toBeGreaterThanOrEqual(20_000);
    expect(rolled.quantile(0.99)).toBeLessThan(3 * calm.quantile(0.99));
    expect([...fleet.executions().values()].filter((times) => times > 1)).toEqual([]);
  });
});

function expectNoneLost(phases: readonly LoadPhase[]): void {
  for (const phase of phases) expect(phase.reasons).toEqual({});
}
