import { describe, expect, it } from 'vitest';
import { fuzzClient } from './hostile-server.ts';

const typed = new Set(['unavailable', 'canceled', 'unknown', 'internal', 'data_loss', 'unimplemented', 'resource_exhausted', 'invalid_argument', 'permission_denied']);

describe('B13: whatever a server sends', () => {
  it.each([1, 2, 3, 4])('ends each call with its reply or a typed error, and nothing else happens (seed %i)', async (seed) => {
    const outcome = await fuzzClient(seed, 250);
    const failures = Object.values(outcome.failed).reduce((sum, count) => sum + count, 0);
    expect(outcome.resolved + failures).toBe(outcome.calls);
    expect(Object.keys(outcome.failed).filter((code) => !typed.has(code))).toEqual([]);
    expect(outcome.active).toBe(0);
    // The mutations reach every side of it.
    expect({ resolved: outcome.resolved > 100, failures: failures > 100, pushes: outcome.pushes > 10, connections: outcome.connections > 20 }).toEqual({ resolved: true, failures: true, pushes: true, connections: true });
  });
});
