import { expect, it, vi } from 'vitest';
import { createClient } from '@rpcxjs/client';
import { tcp } from '@rpcxjs/transport-tcp';
import { startGoServer, startRecorder } from '../src/index.ts';
import { Arith } from './arith.ts';
import { quickClock } from './quick-clock.ts';
import { codecs } from './typescript-server.ts';
import { describeWithGo } from './with-go.ts';

describeWithGo('heartbeats to a Go server', () => {
  it('find out within 6 s that it froze, and all calls to it fail', async () => {
    await using go = await startGoServer();
    await using client = createClient({ servers: go.address, transports: [tcp()], codecs, timeoutMs: 60_000 });
    const arith = client.service(Arith);
    await arith.Mul({ A: 1, B: 1 });
    const calls = Array.from({ length: 10 }, (_, ID) => arith.Sleep({ Ms: 30_000, ID }));
    const failures = Promise.all(calls.map((call) => call.then(() => undefined, (error: unknown) => error)));
    await new Promise((resolve) => { setTimeout(resolve, 50); });
    go.process.freeze();
    const at = performance.now();
    for (const error of await failures) expect(error).toMatchObject({ code: 'unavailable', reason: 'PEER_SILENT' });
    expect(performance.now() - at).toBeLessThan(6000);
    await go.process.kill();
  });

  it('come back while calls are slow, so that nothing is given up', async () => {
    using clock = quickClock(20);
    await using go = await startGoServer();
    await using recorder = await startRecorder(go.address);
    await using client = createClient({ servers: recorder.address, transports: [tcp()], codecs, clock, timeoutMs: Infinity, heartbeat: { answerMs: 10_000 } });
    const arith = client.service(Arith);
    // Up to a minute of the client's clock without any other byte.
    expect(await Promise.all([1, 2, 3].map((ID) => arith.Sleep({ Ms: 3000, ID })))).toEqual([{ ID: 1 }, { ID: 2 }, { ID: 3 }]);
    const heartbeats = recorder.sent().filter(({ flags }) => flags === 0x40);
    expect(heartbeats.length).toBeGreaterThanOrEqual(2);
    expect(heartbeats.filter(({ metadata }) => '_rpcxjs' in metadata), 'the offer is made once').toHaveLength(1);
    expect(recorder.connections()).toBe(1);
  });

  it('do not take this process for the server: one that was busy for longer than the answer may take finds it waiting', async () => {
    await using go = await startGoServer();
    await using client = createClient({ servers: go.address, transports: [tcp()], codecs, heartbeat: { busyMs: 100, answerMs: 200 } });
    const arith = client.service(Arith);
    await arith.Mul({ A: 1, B: 1 });
    const slow = arith.Sleep({ Ms: 3000, ID: 7 });
    for (let round = 0; round < 3; round++) {
      const { framesWritten } = client.stats().traffic;
      while (client.stats().traffic.framesWritten === framesWritten) await new Promise((resolve) => { setImmediate(resolve); });
      // The heartbeat is out, and its answer comes while nobody looks.
      const until = performance.now() + 700;
      while (performance.now() < until);
    }
    expect(await slow).toEqual({ ID: 7 });
  });

  it('notice that it died, and the next call finds its successor at the same address', async () => {
    const first = await startGoServer();
    await using client = createClient({ servers: first.address, transports: [tcp()], codecs });
    const arith = client.service(Arith);
    expect(await arith.Mul({ A: 1, B: 2 })).toEqual({ C: 2 });
    const pending = arith.Sleep({ Ms: 30_000, ID: 1 }).catch((error: unknown) => error);
    await vi.waitFor(() => { expect(client.stats().active).toBe(1); });
    await first.process.kill();
    expect(await pending).toMatchObject({ code: 'unavailable', reason: 'CONNECTION_LOST' });
    await using second = await startGoServer({ address: first.host });
    expect(second.address).toBe(first.address);
    expect(await arith.Mul({ A: 2, B: 2 }, { waitForReady: true })).toEqual({ C: 4 });
  });
});
