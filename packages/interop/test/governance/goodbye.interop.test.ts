import { afterEach, describe, expect, it, vi } from 'vitest';
import { Fleet, killEveryProcess, startGoClient, Work } from '../../src/index.ts';
import { describeWithGo } from '../with-go.ts';
import { clientOf } from './calls-of-work.ts';

afterEach(killEveryProcess);

const graceMs = 2000;

/** Drains this server, and expects that nobody holds it up. */
async function expectInTime(fleet: Fleet, index: number): Promise<void> {
  const { address } = fleet.at(index);
  const startedAt = performance.now();
  expect(await fleet.at(index).drain()).toEqual({ code: 0, signal: null });
  expect(performance.now() - startedAt, 'milliseconds').toBeLessThan(graceMs + 100);
  // The port is free.
  await fleet.replace(index);
  expect(fleet.at(index).address).toBe(address);
}

describe('a server that drains', () => {
  it('F5: does not wait for a frozen peer longer than it said', { timeout: 30_000 }, async () => {
    await using fleet = await Fleet.start(2, { graceMs });
    // It must not give up the first server, which is frozen until another process has started.
    await using client = clientOf({ servers: fleet.at(0).address, timeoutMs: 25_000, heartbeat: { answerMs: 25_000 } });
    // The first server calls the second one, and is frozen while it waits.
    const chain = client.service(Work).Chain({ Id: 1, Ms: 400, Next: [fleet.at(1).address] }).catch((error: unknown) => error);
    await vi.waitFor(async () => { expect((await fleet.at(1).report()).running).toBe(1); }, { timeout: 5000, interval: 10 });
    fleet.at(0).process.freeze();
    await expectInTime(fleet, 1);
    fleet.at(0).process.thaw();
    expect(await chain, 'its reply was sent before it went').toMatchObject({ Id: 1, From: 's2' });
  });

  it('F5: nor for a handler that takes longer, which its caller gets to know', { timeout: 30_000 }, async () => {
    await using fleet = await Fleet.start(1, { graceMs });
    await using client = clientOf({ servers: fleet.addresses });
    const call = client.service(Work).Write({ Id: 1, Ms: 60_000 }, { timeoutMs: 60_000 }).catch((error: unknown) => error);
    await vi.waitFor(async () => { expect((await fleet.at(0).report()).running).toBe(1); }, { timeout: 5000, interval: 10 });
    await expectInTime(fleet, 0);
    expect(await call).toMatchObject({ code: 'unavailable' });
  });

  it('F6: a client that closes lets 500 calls finish and takes no more', { timeout: 30_000 }, async () => {
    await using fleet = await Fleet.start(3);
    const client = clientOf({ servers: fleet.addresses });
    const { Write } = client.service(Work);
    const calls = Array.from({ length: 500 }, (_, id) => Write({ Id: id, Ms: 300 }));
    const closed = client.close();
    await expect(Write({ Id: 1000, Ms: 0 })).rejects.toMatchObject({ reason: 'CLOSED', sent: false });
    expect((await Promise.all(calls)).map(({ Id }) => Id)).toEqual(calls.map((_, id) => id));
    await closed;
    expect(client.stats()).toMatchObject({ active: 0, connections: 0 });
  });
});

describeWithGo('a server that drains with a Go client', () => {
  it('F5: does not wait for a frozen one longer than it said', { timeout: 30_000 }, async () => {
    await using fleet = await Fleet.start(1, { graceMs });
    const go = await startGoClient();
    const connection = await go.connect({ servers: fleet.addresses });
    expect((await connection.call('Nope', 'Nope', { shape: 'Text', reply: 'Text' })).error, 'it is connected').toMatch(/find service/);
    go.process.freeze();
    await expectInTime(fleet, 0);
    go.process.thaw();
    await go.process.stop();
  });
});
