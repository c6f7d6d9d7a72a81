import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { type GoClient, type GoConnection, startGoClient, startRecorder, type WireFrame } from '../src/index.ts';
import { quickClock } from './quick-clock.ts';
import { recordingLogger } from './recording-logger.ts';
import { startTypeScriptServer, type TypeScriptServer } from './typescript-server.ts';
import { describeWithGo } from './with-go.ts';

const isHeartbeat = (frame: WireFrame): boolean => (frame.flags & 0x40) !== 0;
const isResponse = (frame: WireFrame): boolean => (frame.flags & 0x80) !== 0;

describeWithGo('heartbeats of a Go client', () => {
  let go: GoClient;
  beforeAll(async () => { go = await startGoClient(); });
  afterAll(async () => { await go.process.stop(); });

  it('come back as they were sent, and the server sends none of its own', async () => {
    await using peer = await startTypeScriptServer();
    await using recorder = await startRecorder(peer.address);
    const connection = await go.connect({ servers: [recorder.address], heartbeatMs: 50 });
    expect(await connection.survive('Arith', 50, 1000)).toMatchObject({ calls: 50, failed: 0, firstError: null });
    await connection.close();
    const asked = recorder.sent().filter(isHeartbeat);
    const echoed = recorder.received().filter(isHeartbeat);
    expect(asked.length).toBeGreaterThan(10);
    expect(echoed).toEqual(asked.slice(0, echoed.length).map((frame) => ({ ...frame, flags: 0xc0 })));
    expect(asked.length - echoed.length).toBeLessThanOrEqual(1);
    expect(recorder.received().filter((frame) => !isResponse(frame)), 'a request from a server would end a call of a Go client').toEqual([]);
  });

  it('come back with metadata, names and payload unchanged', async () => {
    await using peer = await startTypeScriptServer();
    const connection = await go.connect({ servers: [peer.address] });
    expect(await connection.heartbeat()).toMatchObject({ echoed: true });
    const answer = await connection.raw('p', 'm', { heartbeat: true, serialize: 3, seq: 77n, metadata: { k: 'v', 服: '务' }, argsHex: 'c1ff' });
    expect(answer).toMatchObject({ hex: 'c1ff', metadata: { k: 'v', 服: '务' } });
    await connection.close();
  });

  it('are answered before slow calls that were sent earlier', async () => {
    await using peer = await startTypeScriptServer();
    const connection = await go.connect({ servers: [peer.address] });
    const slow = connection.survive('Arith', 200, 700);
    const heartbeat = connection.heartbeat();
    expect(await Promise.race([slow, heartbeat])).toMatchObject({ echoed: true });
    expect(await slow).toMatchObject({ failed: 0 });
    await connection.close();
  });

  it('keep a connection with calls in flight for two hours of the server\'s clock, twelve minutes apart', async () => {
    using clock = quickClock(3600);
    await using peer = await startTypeScriptServer({ clock, limits: { firstByteMs: 3_600_000 } });
    const connection = await go.connect({ servers: [peer.address], heartbeatMs: 200 });
    const begin = clock.now();
    await inFlight(connection, peer, async () => { await vi.waitFor(() => { expect(clock.now() - begin).toBeGreaterThan(7_200_000); }, 40_000); });
    await connection.close();
  }, 60_000);

  it('are not needed: a Go client without them may wait for a reply for an hour of the server\'s clock, and stay idle as long', async () => {
    using clock = quickClock(3600);
    await using peer = await startTypeScriptServer({ clock, limits: { firstByteMs: 3_600_000 } });
    await using recorder = await startRecorder(peer.address);
    const connection = await go.connect({ servers: [recorder.address] });
    const anHour = async (): Promise<void> => {
      const begin = clock.now();
      await vi.waitFor(() => { expect(clock.now() - begin).toBeGreaterThan(3_600_000); }, 40_000);
    };
    await inFlight(connection, peer, anHour);
    await anHour();
    expect(recorder.received().every(isResponse), 'the server asked nothing').toBe(true);
    expect(await connection.many(100, 10)).toMatchObject({ failed: 0 });
    await connection.close();
  }, 60_000);

  it('that stop are the end of a client: one that froze is given up after 30 s of the server\'s clock', async () => {
    using clock = quickClock(60);
    const logger = recordingLogger();
    await using peer = await startTypeScriptServer({ clock, logger });
    await using frozen = await startGoClient();
    const connection = await frozen.connect({ servers: [peer.address], heartbeatMs: 20 });
    const pending = connection.survive('Arith', 5, 60_000);
    pending.catch(() => undefined);
    await vi.waitFor(() => { expect(peer.server.stats().running).toBe(5); });
    await new Promise((resolve) => { setTimeout(resolve, 100); });
    frozen.process.freeze();
    const at = clock.now();
    await vi.waitFor(() => { expect(peer.server.stats().connections).toBe(0); }, 40_000);
    expect(clock.now() - at, 'not at once').toBeGreaterThan(25_000);
    expect(clock.now() - at).toBeLessThan(40_000);
    expect(peer.aborted).toEqual(Array.from({ length: 5 }, () => 'PEER_SILENT'));
    expect(logger.lines).toHaveLength(1);
    await frozen.process.kill();
  }, 60_000);
});

/** Keeps calls of the connection in flight until `until` ends; none of them fails. */
async function inFlight(connection: GoConnection, peer: TypeScriptServer, until: () => Promise<void>): Promise<void> {
  let finish!: () => void;
  const finished = new Promise<void>((resolve) => { finish = resolve; });
  peer.server.registerFunction('Held', 'Sleep', async ({ ID }: { ID: number }) => {
    await finished;
    return { ID };
  });
  const calls = connection.survive('Held', 20, 0);
  await vi.waitFor(() => { expect(peer.server.stats().running).toBe(20); });
  await until();
  finish();
  expect(await calls).toMatchObject({ calls: 20, failed: 0, firstError: null });
}
