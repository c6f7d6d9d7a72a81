import { afterEach, describe, expect, it } from 'vitest';
import { RpcError } from '@rpcxjs/core';
import { Fleet, type GoServer, killEveryProcess, Load, type LostCall, startGoServer } from '../../src/index.ts';
import { Arith } from '../arith.ts';
import { describeWithGo } from '../with-go.ts';
import { between, callsOf, clientOf } from './calls-of-work.ts';

afterEach(killEveryProcess);

const mixed = (id: number): number => between(1, 50, id);

/** Calls that were lost as calls may be lost: they had begun by then, and each says where it was and that the connection is gone. */
function expectTypedLosses(lost: readonly LostCall[], address: string, goneAt: number): void {
  for (const { error, startedAt } of lost) {
    expect(RpcError.is(error)).toBe(true);
    expect(error).toMatchObject({ code: 'unavailable', address });
    expect(startedAt).toBeLessThanOrEqual(goneAt);
  }
}

describe('a server that is killed', () => {
  it('F3: costs no idempotent call, and of the others no more than were under way there', { timeout: 60_000 }, async () => {
    await using fleet = await Fleet.start(3);
    await using reader = clientOf({ servers: fleet.addresses });
    await using writer = clientOf({ servers: fleet.addresses });
    await using reads = new Load({ ratePerSecond: 500, call: callsOf(reader, { ms: mixed, kind: 'Read' }) });
    const write = callsOf(writer, { ms: mixed, kind: 'Write' });
    await using writes = new Load({ ratePerSecond: 500, call: (id) => write(1_000_000 + id) });
    for (const victim of [0, 1, 2]) {
      const read = reads.newPhase();
      const written = writes.newPhase();
      await Promise.all([reads.calls(300), writes.calls(300)]);
      const { address } = fleet.at(victim);
      const inFlight = writer.nodes().find((node) => node.address === address)?.inFlight ?? 0;
      const before = written.started;
      await fleet.at(victim).process.kill();
      const goneAt = performance.now();
      // A call may still have been sent while the system ended the process.
      const under = inFlight + written.started - before;
      await Promise.all([reads.calls(500), writes.calls(500)]);
      expect(read.reasons).toEqual({});
      expect(written.lost.length, JSON.stringify(written.reasons)).toBeLessThanOrEqual(under);
      expectTypedLosses(written.lost, address, goneAt);
      await fleet.replace(victim);
    }
    await Promise.all([reads.stop(), writes.stop()]);
    expect([...fleet.executions()].filter(([id, times]) => id > 1_000_000 && times > 1), 'what is not idempotent and ran twice').toEqual([]);
  });
});

describeWithGo('Go servers that go', () => {
  type Way = (server: GoServer) => Promise<void>;
  const ways: readonly (readonly [string, number, Way])[] = [
    ['killed', 2, (server) => server.process.kill()],
    ['stopped', 2, (server) => server.process.stop()],
    ['frozen', 1, (server) => Promise.resolve(server.process.freeze())],
  ];

  it.each(ways)('F3: %s, %d of three, they cost no idempotent call of a TypeScript client', { timeout: 60_000 }, async (_, count, leave) => {
    const servers = await Promise.all([startGoServer(), startGoServer(), startGoServer()]);
    await using client = clientOf({ servers: servers.map(({ address }) => address) });
    const arith = client.service(Arith, { idempotent: ['Sleep'] });
    const call = async (id: number): Promise<string> => {
      let from = '';
      const { ID } = await arith.Sleep({ Ms: mixed(id), ID: id }, { onReply: ({ address }) => { from = address; } });
      if (ID !== id) throw new Error(`call ${id} got the answer to ${ID}`);
      return from;
    };
    await using load = new Load({ ratePerSecond: 500, call });
    for (const victim of servers.slice(0, count)) {
      await load.calls(300);
      await leave(victim);
      await load.calls(700);
    }
    const { phase } = load;
    await load.stop();
    expect(phase.reasons).toEqual({});
    expect(phase.by(servers[2]?.address ?? '')).toBeGreaterThan(300);
  });
});
