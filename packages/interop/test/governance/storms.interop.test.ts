import { afterEach, describe, expect, it, vi } from 'vitest';
import { type Client, formatAddress, RpcError } from '@rpcxjs/rpcx';
import { faultProxy } from '@rpcxjs/testing';
import { Fleet, killEveryProcess, Load, Work } from '../../src/index.ts';
import { between, callsOf, clientOf } from './calls-of-work.ts';

afterEach(killEveryProcess);

describe('connections that are lost', () => {
  it('E5: resets at any byte cost no wrong reply, and each loss is one typed error', { timeout: 60_000 }, async () => {
    await using fleet = await Fleet.start(1);
    await using proxy = await faultProxy({ target: fleet.at(0).address, seed: 5 });
    proxy.toClient.set({ resetAfterBytes: [1, 6000] });
    proxy.toServer.set({ resetAfterBytes: [1, 9000] });
    // It comes back at once, so that there are many connections to reset.
    await using client = clientOf({ servers: formatAddress(proxy.address), timeoutMs: 5000, health: false, reconnect: { initialMs: 1, maxMs: 2, wakeMs: 0, spreadMs: 0 } });
    let settled = 0;
    const write = callsOf(client, { ms: (id) => between(0, 10, id), kind: 'Write' });
    await using load = new Load({ ratePerSecond: 2000, mostInFlight: 200, call: (id) => write(id).finally(() => { settled += 1; }) });
    await load.calls(10_000);
    const { phase } = load;
    proxy.toClient.set({});
    proxy.toServer.set({});
    await load.stop();
    expect(proxy.accepted, 'there were resets').toBeGreaterThan(20);
    expect(phase.answers).toBeGreaterThan(1000);
    expect(phase.lost.length).toBeGreaterThan(20);
    expect(phase.answers + phase.lost.length).toBe(phase.started);
    expect(settled).toBe(phase.started);
    // An answer to another call would be an error without a code.
    expect(phase.lost.filter(({ error }) => !RpcError.is(error) || error.code !== 'unavailable').map(({ error }) => error)).toEqual([]);
    const runs = fleet.executions();
    expect([...runs].filter(([, times]) => times > 1)).toEqual([]);
    expect(phase.lost.filter(({ id, error }) => runs.has(id) && !(error as RpcError).sent), 'what ran was not called unsent').toEqual([]);
    expect(client.stats()).toMatchObject({ active: 0, queued: 0 });
  });

  it('E7: 600 clients of a server that restarts do not come back at once, but all within 10 s', { timeout: 120_000 }, async () => {
    const count = 600;
    await using fleet = await Fleet.start(1);
    const clients = Array.from({ length: count }, () => clientOf({ servers: fleet.addresses, timeoutMs: 30_000 }));
    try {
      // A process that stands still for a moment dials late and all at once: that can only raise the peak, so that it is looked at again.
      let peak = Infinity;
      for (let round = 0; round < 3 && peak > 0.15 * count; round++) {
        const { backMs, accepted } = await restart(fleet, clients);
        expect(backMs).toBeLessThan(10_000);
        peak = mostWithin(accepted, 100);
      }
      expect(peak, 'connections within 100 ms').toBeLessThanOrEqual(0.15 * count);
    } finally {
      for (const client of clients) client.abort();
    }
  });
});

/** Kills the only server under all its clients and starts it again. Tells when the last of them had an answer, and when connections came. */
async function restart(fleet: Fleet, clients: readonly Client[]): Promise<{ readonly backMs: number; readonly accepted: readonly number[] }> {
  const services = clients.map((client) => client.service(Work));
  await Promise.all(services.map(({ Read }, n) => Read({ Id: n, Ms: 0 }, { waitForReady: true })));
  // Each of them asks again and again, as programs do.
  let stopped = false;
  let restartedAt = Infinity;
  const back = new Map<number, number>();
  const users = services.map(async ({ Read }, n) => {
    while (!stopped) {
      const startedAt = performance.now();
      const answered = await Read({ Id: n, Ms: 500 }, { waitForReady: true }).then(() => true, () => false);
      if (answered && startedAt > restartedAt && !back.has(n)) back.set(n, performance.now() - restartedAt);
    }
  });
  // Connections that were younger are taken for those of a server that cannot keep any.
  const stableAt = performance.now() + 5000;
  await vi.waitFor(async () => {
    expect(performance.now()).toBeGreaterThan(stableAt);
    expect((await fleet.at(0).report()).running).toBeGreaterThan(clients.length / 2);
  }, { timeout: 15_000, interval: 100 });
  await fleet.at(0).process.kill();
  await fleet.replace(0);
  restartedAt = performance.now();
  await vi.waitFor(() => { expect(back.size).toBe(clients.length); }, { timeout: 20_000 });
  stopped = true;
  await Promise.all(users);
  return { backMs: Math.max(...back.values()), accepted: (await fleet.at(0).report()).accepted };
}

/** The most of these moments that lie within so many milliseconds. */
function mostWithin(moments: readonly number[], ms: number): number {
  const sorted = moments.toSorted((a, b) => a - b);
  return Math.max(0, ...sorted.map((from, index) => sorted.slice(index).filter((at) => at < from + ms).length));
}
