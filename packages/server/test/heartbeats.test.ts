import { manualClock } from '@rpcxjs/testing';
import { describe, expect, it } from 'vitest';
import { frame, heartbeatFlag } from './frame.ts';
import { openServer, until } from './open-server.ts';

const offer = frame({ flags: heartbeatFlag, sequence: 1n, metadata: { _rpcxjs: '1;n=0123456789abcdef;cancel.1,errors.1' } });

/** A server on a clock that stands still. */
async function open() {
  const clock = manualClock();
  const held = await openServer({ clock }, (server) => server.registerFunction('S', 'Echo', (input: unknown) => input).registerFunction('S', 'Never', () => new Promise(() => {})));
  const pass = async (ms: number) => {
    clock.advance(ms);
    for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => { setImmediate(resolve); });
  };
  return { clock, held, pass };
}

describe('a live server', () => {
  it('never sends a heartbeat and never ends a peer that neither negotiated nor sent one, with calls in flight or without', async () => {
    const { held, pass } = await open();
    await using server = held;
    const [idle, waiting] = [await server.peer(), await server.peer()];
    idle.send(frame({ service: 'S', method: 'Echo', sequence: 1n, payload: '1' }));
    waiting.send(frame({ service: 'S', method: 'Never', sequence: 1n, payload: '1' }));
    await idle.reply(1n);
    for (let hour = 0; hour < 5; hour++) await pass(3_600_000);
    idle.send(frame({ service: 'S', method: 'Echo', sequence: 2n, payload: '2' }));
    await idle.reply(2n);
    expect(waiting.end).toBeUndefined();
    expect(waiting.frames).toEqual([]);
    expect(idle.frames).toHaveLength(2);
  });

  it('ends a negotiated peer 30 s after its last byte, and one that sends heartbeats after three times its longest gap', async () => {
    const { held, pass } = await open();
    await using server = held;
    const [ours, go] = [await server.peer(), await server.peer()];
    ours.send(offer);
    go.send(frame({ flags: heartbeatFlag, sequence: 1n }));
    await ours.reply(1n);
    await go.reply(1n);
    await pass(20_000);
    go.send(frame({ flags: heartbeatFlag, sequence: 2n }));
    await go.reply(2n);
    await pass(9900);
    expect([ours.end, go.end]).toEqual([undefined, undefined]);
    await pass(200);
    expect(ours.end).toBeDefined();
    await pass(49_700);
    expect(go.end).toBeUndefined();
    await pass(300);
    expect(go.end).toBeDefined();
    expect(server.log.map(({ fields }) => (fields as { err: { reason: string } }).err.reason)).toEqual(['PEER_SILENT', 'PEER_SILENT']);
  });

  it('waits 10 s for a first byte, and 30 s for a frame that hardly comes', async () => {
    const { held, pass } = await open();
    await using server = held;
    const [mute, slow] = [await server.peer(), await server.peer()];
    slow.send(frame({ service: 'S', method: 'Echo', payload: 'x'.repeat(1000) }).subarray(0, 500));
    await until(() => server.server.stats().traffic.bytesRead === 500);
    await pass(9900);
    expect(mute.end).toBeUndefined();
    await pass(200);
    expect(mute.end).toBeDefined();
    await pass(19_700);
    expect(slow.end).toBeUndefined();
    await pass(300);
    expect(slow.end).toBeDefined();
  });

  it('ends a peer that floods it with heartbeats, and one whose heartbeat is too large', async () => {
    const { held } = await open();
    await using server = held;
    const [flood, large, other] = [await server.peer(), await server.peer(), await server.peer()];
    flood.send(...Array.from({ length: 60 }, (_, index) => frame({ flags: heartbeatFlag, sequence: BigInt(index) })));
    large.send(frame({ flags: heartbeatFlag, payload: 'x'.repeat(1025) }));
    other.send(frame({ flags: heartbeatFlag, sequence: 5n, payload: 'x'.repeat(1024) }));
    await flood.ended();
    await large.ended();
    expect((await other.reply(5n)).payload).toHaveLength(1024);
    expect(large.frames).toEqual([]);
    expect(flood.frames.length).toBeLessThanOrEqual(50);
  });
});
