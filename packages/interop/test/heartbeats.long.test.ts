import { expect, it } from 'vitest';
import { createClient } from '@rpcxjs/client';
import { tcp } from '@rpcxjs/transport-tcp';
import { startGoClient, startGoServer, startRecorder } from '../src/index.ts';
import { Arith } from './arith.ts';
import { quickClock } from './quick-clock.ts';
import { codecs, startTypeScriptServer } from './typescript-server.ts';
import { describeWithGo } from './with-go.ts';

// As many heartbeats as an hour has at rpcx's usual interval of a second, in six minutes.
const minutes = Number(process.env['RPCXJS_SURVIVE_MINUTES'] ?? 6);

describeWithGo('an hour of heartbeats', () => {
  it('a Go client with calls in flight all the time survives on a TypeScript server', async () => {
    await using peer = await startTypeScriptServer({ limits: { heartbeatsPerSecond: 20 } });
    await using go = await startGoClient();
    const connection = await go.connect({ servers: [peer.address], heartbeatMs: 100, maxWaitHeartbeatMs: 5000 });
    const ms = minutes * 60_000;
    const waiting = connection.survive('Arith', 100, ms);
    waiting.catch(() => undefined);
    const end = performance.now() + ms - 1000;
    while (performance.now() < end) {
      expect(await connection.survive('Arith', 10, Math.min(5000, Math.max(0, end - performance.now())))).toMatchObject({ failed: 0 });
      expect(await connection.many(1000, 10)).toMatchObject({ failed: 0, firstError: null });
    }
    expect(await waiting).toEqual(expect.objectContaining({ calls: 100, failed: 0, firstError: null }));
    expect(peer.server.stats().connectionsAccepted).toBe(1);
    await connection.close();
  });

  it('a TypeScript client with calls in flight all the time survives on a Go server', async () => {
    using clock = quickClock(20);
    await using go = await startGoServer();
    await using recorder = await startRecorder(go.address);
    await using client = createClient({ servers: recorder.address, transports: [tcp()], codecs, clock, timeoutMs: Infinity, heartbeat: { answerMs: 20_000 } });
    const arith = client.service(Arith);
    const calls = Array.from({ length: 100 }, (_, ID) => arith.Sleep({ Ms: 60_000, ID }));
    expect(await Promise.all(calls)).toEqual(calls.map((_, ID) => ({ ID })));
    expect(recorder.connections()).toBe(1);
    expect(recorder.sent().filter(({ flags }) => flags === 0x40).length).toBeGreaterThan(50);
  });
});
