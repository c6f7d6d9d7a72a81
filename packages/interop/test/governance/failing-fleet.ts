import { expect } from 'vitest';
import { RpcError } from '@rpcxjs/core';
import { Fleet, Load } from '../../src/index.ts';
import { callsOf, clientOf } from './calls-of-work.ts';

/** D6: a thousand calls a second for so long, to three servers that fail each of them. */
export async function expectBoundedAttempts(seconds: number): Promise<void> {
  await using fleet = await Fleet.start(3);
  await Promise.all([0, 1, 2].map((index) => fleet.at(index).behave({ failShare: 1 })));
  await using client = clientOf({ servers: fleet.addresses });
  await using load = new Load({ ratePerSecond: 1000, call: callsOf(client, { ms: () => 1, kind: 'Read' }) });
  await load.calls(1000 * seconds);
  const { phase } = load;
  await load.stop();
  const attempts = await executedBy(fleet, [0, 1, 2]);
  expect(phase.answers).toBe(0);
  expect(phase.lost.filter(({ error }) => !RpcError.is(error) || error.code !== 'unavailable')).toEqual([]);
  expect(attempts, `${phase.started} calls`).toBeLessThanOrEqual(1.25 * phase.started);
  expect(attempts, 'some were tried again').toBeGreaterThan(phase.started);
}

/** Executions of these servers together. */
export async function executedBy(fleet: Fleet, indexes: readonly number[]): Promise<number> {
  const reports = await Promise.all(indexes.map((index) => fleet.at(index).report()));
  return reports.reduce((sum, { executed }) => sum + executed, 0);
}
