import { expect, it, vi } from 'vitest';
import { startGoClient } from '../src/index.ts';
import { startTypeScriptServer } from './typescript-server.ts';
import { describeWithGo } from './with-go.ts';

describeWithGo('a Go client of a full server that holds its callers back', () => {
  it('keeps its connection and all of its calls, however long that takes: its heartbeats are answered among them', async () => {
    const calls = 1000;
    await using peer = await startTypeScriptServer({ limits: { maxCalls: 10, maxQueuedCalls: 10, heartbeatsPerSecond: 100 }, whenFull: 'pause' });
    let finish!: () => void;
    const finished = new Promise<void>((resolve) => { finish = resolve; });
    peer.server.registerFunction('Held', 'Sleep', async ({ ID }: { ID: number }) => {
      await finished;
      return { ID };
    });
    await using go = await startGoClient();
    // Go waits 30 s for an answer unless told otherwise.
    const connection = await go.connect({ servers: [peer.address], heartbeatMs: 100, maxWaitHeartbeatMs: 5000 });
    const waiting = connection.survive('Held', calls, 0);
    await vi.waitFor(() => { expect(peer.server.stats().running).toBe(10); });
    await new Promise((resolve) => { setTimeout(resolve, 6500); });
    finish();
    expect(await waiting).toEqual(expect.objectContaining({ calls, failed: 0, firstError: null }));
    expect(peer.server.stats().connectionsAccepted).toBe(1);
    await connection.close();
  }, 40_000);
});
