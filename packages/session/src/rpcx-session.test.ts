import { describe, expect, it } from 'vitest';
import { frame, heartbeatFlag, onewayFlag, responseFlag } from '../test/frame.ts';
import { openSession } from '../test/open-session.ts';
import { fnv1a64 } from './capabilities.ts';
import { writeFrame } from '@rpcxjs/protocol';
import type { RpcxSession } from './rpcx-session.ts';

const turn = () => new Promise<void>((resolve) => { setImmediate(resolve); });

function write(session: RpcxSession, bytes: number): void {
  writeFrame(session.writer, {
    service: 's', method: 'm', codecId: 0, flags: responseFlag, sequenceHigh: 0, sequenceLow: 0, metadata: undefined,
    payload: (writer) => writer.append(new Uint8Array(bytes)),
  });
  session.frameWritten(4096);
}

describe('negotiation', () => {
  it('begins with an offer on a heartbeat, and calls do not wait for its answer', async () => {
    const { sent } = openSession('client');
    await turn();
    const [first, ...more] = sent();
    expect(first).toMatchObject({ flags: heartbeatFlag, service: '', method: '' });
    expect(first?.metadata['_rpcxjs']).toMatch(/^1;n=[0-9a-f]{16};cancel\.1,errors\.1$/);
    expect(Object.keys(first?.metadata ?? {})).toEqual(['_rpcxjs']);
    expect(more).toEqual([]);
  });

  it('is not agreed by a peer that echoes the offer, and nothing new is sent to it', async () => {
    const { connection, session, told, sent } = openSession('client');
    await turn();
    const echo = Buffer.concat(connection.written);
    echo[2] = heartbeatFlag | responseFlag;
    connection.deliver(echo);
    // The same words under our key, with the nonce of the question: what an echo could at most do.
    const [offer] = sent();
    connection.deliver(frame({ flags: heartbeatFlag | responseFlag, metadata: { '_rpcxjs-ok': offer?.metadata['_rpcxjs'] ?? '' } }));
    expect(told.agreed).toEqual([]);
    expect(session.capabilities.size).toBe(0);
  });

  it('is agreed by the hash of the nonce, once, with the words that both know', async () => {
    const { connection, session, told, sent } = openSession('client');
    await turn();
    const nonce = /n=([0-9a-f]{16})/.exec(sent()[0]?.metadata['_rpcxjs'] ?? '')?.[1] ?? '';
    const answer = frame({ flags: heartbeatFlag | responseFlag, metadata: { '_rpcxjs-ok': `1;n=${fnv1a64(nonce)};errors.1,streams.9` } });
    connection.deliver(answer);
    connection.deliver(answer);
    expect(told.agreed).toEqual([['errors.1']]);
    expect([...session.capabilities]).toEqual(['errors.1']);
  });

  it('answers an offer under another key, and uses what was offered at once', async () => {
    const { connection, session, told, sent } = openSession('server');
    connection.deliver(frame({ flags: heartbeatFlag, sequence: 7n, metadata: { _rpcxjs: '1;n=0123456789abcdef;cancel.1,teleport.3' } }));
    await turn();
    expect(sent()).toMatchObject([{ flags: heartbeatFlag | responseFlag, sequence: 7n, metadata: { '_rpcxjs-ok': `1;n=${fnv1a64('0123456789abcdef')};cancel.1,errors.1` } }]);
    expect(told.agreed).toEqual([['cancel.1']]);
    expect([...session.capabilities]).toEqual(['cancel.1']);
  });

  it.each(['', '2;n=0123456789abcdef;cancel.1', '1;n=012;cancel.1', '1;0123456789abcdef00;cancel.1', '1', '1;n=0123456789abcdef'])(
    'echoes what is no offer of this version, as Go does: %j', async (text) => {
      const { connection, session, sent } = openSession('server');
      const asked = frame({ flags: heartbeatFlag, codecId: 3, sequence: 2n ** 63n, metadata: { _rpcxjs: text }, payload: 'now' });
      connection.deliver(asked);
      await turn();
      const [echo] = sent();
      expect(echo).toMatchObject({ flags: heartbeatFlag | responseFlag, codecId: 3, sequence: 2n ** 63n, metadata: { _rpcxjs: text } });
      expect(echo?.payload.toString()).toBe('now');
      expect(session.capabilities.size).toBe(0);
    },
  );

  it('lets control messages of a peer that did not agree fall, and does not take them for calls', () => {
    const heard: string[] = [];
    const extensions = [{ word: 'cancel.1', receive: () => heard.push('cancel.1') }];
    const { connection, told } = openSession('server', { extensions });
    const control = frame({ flags: onewayFlag, service: '_rpcxjs', method: 'cancel.1' });
    connection.deliver(control);
    expect(heard).toEqual([]);
    connection.deliver(frame({ flags: heartbeatFlag, metadata: { _rpcxjs: '1;n=0123456789abcdef;cancel.1' } }), control, frame({ flags: onewayFlag, service: '_rpcxjs', method: 'other.1' }));
    expect(heard).toEqual(['cancel.1']);
    expect(told.requests).toEqual([]);
  });

  it('takes a call that expects a reply for a call, also under the path of control messages: its caller must not wait for nothing', () => {
    const { connection, told } = openSession('server');
    connection.deliver(frame({ service: '_rpcxjs', method: 'cancel.1' }), frame({ service: '_rpcxjs2', method: 'x' }), frame({ service: '_other_', method: 'x' }));
    expect(told.requests).toEqual(['_rpcxjs', '_rpcxjs2', '_other_']);
  });
});

describe('heartbeats', () => {
  it('are answered by a server only: what a client is asked by a Go server would be a push', async () => {
    const { connection, told, sent } = openSession('client');
    await turn();
    sent();
    connection.deliver(frame({ flags: heartbeatFlag, payload: 'x' }));
    await turn();
    expect(sent()).toEqual([]);
    expect(told.requests).toEqual([]);
  });

  it('may carry 1024 bytes of metadata and payload together, and not one more', async () => {
    for (const [extra, survives] of [[0, true], [1, false]] as const) {
      const { connection, told, sent } = openSession('server');
      const metadata = { k: 'v'.repeat(500) };
      connection.deliver(frame({ flags: heartbeatFlag, metadata, payload: 'p'.repeat(1024 - 509 + extra) }));
      await turn();
      expect(sent()).toHaveLength(survives ? 1 : 0);
      expect(told.closed).toHaveLength(survives ? 0 : 1);
      if (!survives) expect(told.closed[0]).toMatchObject({ code: 'resource_exhausted' });
    }
  });

  it('of as many pairs of metadata as a reply may have cost neither side the time to read them: an answer to nothing, or one that is too large to be one', async () => {
    // As many keys as are allowed, no two of them equal.
    const block = Buffer.alloc(16_128 * 12);
    for (let at = 0; at < block.length; at += 12) {
      block.writeUInt32BE(4, at);
      block.writeUInt32BE(at, at + 4);
    }
    const flood = Buffer.concat([frame({ flags: heartbeatFlag | responseFlag }).subarray(0, 24), Buffer.alloc(8 + block.length)]);
    flood.writeUInt32BE(16 + block.length, 12);
    flood.writeUInt32BE(block.length, 24);
    block.copy(flood, 28);
    for (const role of ['server', 'client'] as const) {
      const { connection, session, told, sent } = openSession(role);
      await turn();
      const nonce = /n=([0-9a-f]{16})/.exec(sent()[0]?.metadata['_rpcxjs'] ?? '')?.[1] ?? '';
      const cpu = process.cpuUsage();
      for (let times = 0; times < 50; times++) connection.deliver(flood);
      const { user, system } = process.cpuUsage(cpu);
      expect((user + system) / 1000, `ms of a ${role}`).toBeLessThan(300);
      expect(told.closed).toEqual([]);
      if (role === 'server') continue;
      connection.deliver(frame({ flags: heartbeatFlag | responseFlag, metadata: { '_rpcxjs-ok': `1;n=${fnv1a64(nonce)};errors.1`, more: 'x'.repeat(1024) } }));
      expect(session.capabilities.size, 'an answer that is too large').toBe(0);
      connection.deliver(frame({ flags: heartbeatFlag | responseFlag, metadata: { '_rpcxjs-ok': `1;n=${fnv1a64(nonce)};errors.1` } }));
      expect([...session.capabilities], 'the right one').toEqual(['errors.1']);
    }
  });

  it('end the connection of a peer that sends too many, destroyed and not closed', () => {
    const { connection, told } = openSession('server');
    const heartbeat = frame({ flags: heartbeatFlag });
    for (let sent = 0; sent < 50; sent++) connection.deliver(heartbeat);
    expect(told.closed).toEqual([]);
    connection.deliver(heartbeat, heartbeat, heartbeat);
    expect(told.closed).toHaveLength(1);
    expect(told.closed[0]).toMatchObject({ code: 'resource_exhausted', reason: 'OVERLOADED' });
    expect(connection.aborts).toHaveLength(1);
    expect(connection.closes).toBe(0);
    expect(told.heartbeats).toBe(50);
  });

  it('of a client are asked for and answered over the wire, and silence destroys the connection', async () => {
    const { clock, connection, session, told, sent } = openSession('client');
    told.pending = 1;
    session.callSent(clock.now());
    await turn();
    sent();
    clock.advance(2004);
    expect(sent()).toMatchObject([{ flags: heartbeatFlag, metadata: {} }]);
    clock.advance(1000);
    connection.deliver(frame({ flags: heartbeatFlag | responseFlag }).subarray(0, 1));
    clock.advance(1990);
    expect(told.closed).toEqual([]);
    clock.advance(3050);
    expect(told.closed).toMatchObject([{ code: 'unavailable', reason: 'PEER_SILENT' }]);
    expect(connection.aborts).toHaveLength(1);
    expect(clock.pending).toBe(0);
  });

  it('of a frozen transport are given up as well: whoever waits is told at once', () => {
    const { clock, connection, session, told } = openSession('client');
    connection.abort = () => {};
    told.pending = 1;
    session.callSent(clock.now());
    clock.advance(6000);
    expect(told.closed).toHaveLength(1);
    connection.sink?.closed(new Error('at last'));
    connection.deliver(frame({ service: 's' }));
    expect(told.closed).toHaveLength(1);
    expect(told.requests).toEqual([]);
  });
});

describe('a peer that does not read', () => {
  it('is not read from either, from 1 MiB on, until it reads again', async () => {
    const { connection, session, told } = openSession('server', { onRequest: (own) => write(own, 400_000) });
    connection.blocked = true;
    const request = frame({ service: 's' });
    connection.deliver(request, request, request, request, request);
    expect(told.requests).toHaveLength(3);
    expect(connection.paused).toBe(true);
    expect(session.writable).toBe(false);
    await turn();
    connection.unblock();
    expect(told.requests).toHaveLength(5);
    expect(connection.paused).toBe(false);
    expect(told.drained).toBe(1);
  });

  it('is noticed as well when the last of many small replies left at the end of a turn', async () => {
    const { clock, connection, session, told } = openSession('server', { limits: { highWaterBytes: 5000 } });
    connection.deliver(frame({ service: 's' }));
    connection.blocked = true;
    write(session, 3000);
    await turn();
    expect(connection.paused).toBe(false);
    write(session, 3000);
    await turn();
    expect(connection.paused).toBe(true);
    clock.advance(10_010);
    expect(told.closed).toMatchObject([{ reason: 'PEER_SILENT' }]);
    expect(connection.aborts).toHaveLength(1);
  });

  it('is paused as often as it is resumed, whenever its bytes left', async () => {
    const { connection, session, told } = openSession('server', { limits: { highWaterBytes: 5000 }, onRequest: (own, service) => { if (service === 'large') write(own, 6000); } });
    for (let round = 0; round < 3; round++) {
      connection.blocked = true;
      write(session, 3000);
      await turn();
      write(session, 3000);
      await turn();
      expect(connection.paused).toBe(true);
      connection.unblock();
      expect(connection.paused).toBe(false);
    }
    connection.blocked = true;
    connection.deliver(frame({ service: 'large' }), frame({ service: 'small' }));
    session.pause();
    connection.unblock();
    expect(connection.paused, 'somebody else still wants it paused').toBe(true);
    expect(told.requests).toEqual(['large']);
    session.resume();
    expect(told.requests).toEqual(['large', 'small']);
  });

  it('is given up when 64 MiB wait for it', () => {
    const { connection, session, told } = openSession('server');
    connection.blocked = true;
    const eight = 8 * 1024 * 1024;
    for (let sent = 0; sent < 8; sent++) write(session, eight - 100);
    expect(told.closed).toEqual([]);
    write(session, 1000);
    expect(told.closed).toMatchObject([{ code: 'unavailable', reason: 'PEER_SILENT' }]);
    expect(connection.aborts).toHaveLength(1);
  });

  it('is not paused by a client, which has replies to read', async () => {
    const { connection, session } = openSession('client', { limits: { highWaterBytes: 5000 } });
    connection.blocked = true;
    write(session, 6000);
    await turn();
    expect(connection.paused).toBe(false);
    expect(session.writable).toBe(false);
  });

  it('is not waited for when the connection took everything: no drain would follow', async () => {
    const { connection, session } = openSession('server', { limits: { highWaterBytes: 0 } });
    write(session, 100);
    await turn();
    expect(session.writable).toBe(true);
    expect(connection.paused).toBe(false);
  });
});

describe('fairness', () => {
  it('gives the loop back when frames of one chunk take more than their turn, and loses none of them', () => {
    const { clock, connection, told } = openSession('server', {
      limits: { framesPerTurn: 4, turnMs: 8 },
      onRequest: () => clock.advance(3),
    });
    connection.deliver(...Array.from({ length: 30 }, (_, index) => frame({ service: `s${index}` })));
    expect(told.requests.length).toBe(4);
    expect(connection.paused).toBe(true);
    let turns = 0;
    for (; told.requests.length < 30; turns++) clock.advance(1);
    expect(turns).toBeGreaterThanOrEqual(5);
    expect(told.requests).toEqual(Array.from({ length: 30 }, (_, index) => `s${index}`));
    clock.advance(20);
    expect(connection.paused).toBe(false);
  });

  it('looks at the clock early when the first frames are slow to handle, and seldom when they are quick', () => {
    let spent = 0;
    const slow = openSession('server', { onRequest: () => void (spent += 1) });
    slow.clock.now = () => spent;
    slow.connection.deliver(...Array.from({ length: 500 }, () => frame({ service: 's' })));
    expect(slow.told.requests.length).toBeLessThanOrEqual(16);
    const ends: number[] = [];
    const { setTimer } = slow.clock;
    slow.clock.setTimer = (run, delayMs) => (ends.push(slow.told.requests.length), setTimer(run, delayMs));
    slow.clock.advance(0);
    expect(Math.max(...ends.map((end, index) => end - (ends[index - 1] ?? 16))), 'frames, a millisecond each, in one go').toBeLessThanOrEqual(9);
    expect(slow.told.requests).toHaveLength(500);
    const quick = openSession('server');
    let looks = 0;
    const { now } = quick.clock;
    quick.clock.now = () => ((looks += 1), now());
    quick.connection.deliver(...Array.from({ length: 2560 }, () => frame({ service: 's' })));
    expect(quick.told.requests).toHaveLength(2560);
    expect(looks).toBeLessThanOrEqual(20);
  });

  it('handles everything at once when that is quick', () => {
    const { connection, told } = openSession('server');
    connection.deliver(...Array.from({ length: 2000 }, () => frame({ service: 's' })));
    expect(told.requests).toHaveLength(2000);
  });
});

describe('the end', () => {
  it('is told once, with the reason of whoever caused it', () => {
    const { connection, session, told } = openSession('server');
    connection.deliver(Buffer.from('GET / HTTP/1.1\r\n'));
    expect(told.closed).toMatchObject([{ reason: 'BAD_FRAME', message: expect.stringContaining('HTTP') }]);
    connection.sink?.closed(undefined);
    connection.deliver(frame({ service: 's' }));
    expect(told.closed).toHaveLength(1);
    expect(told.requests).toEqual([]);
    expect(session.ended).toBe(true);
    session.sendControl('cancel.1', 0, 0);
    session.sendHeartbeat();
    expect(connection.written).toEqual([]);
  });

  it('has a reason of its own when the network broke', () => {
    const { connection, told } = openSession('server');
    connection.sink?.closed(new Error('ECONNRESET'));
    expect(told.closed).toMatchObject([{ code: 'unavailable', reason: 'CONNECTION_LOST', message: expect.stringContaining('ECONNRESET') }]);
  });

  it('of a request that is too large is told to its caller before, and the refusal is not overtaken by a reset', () => {
    const { connection, told } = openSession('server', { frames: { maxFrameBytes: 100 } });
    connection.deliver(frame({ sequence: 2n ** 60n + 5n, payload: 'p'.repeat(85) }).subarray(0, 20));
    expect(told.refused).toMatchObject([{ sequence: 2n ** 60n + 5n, error: { reason: 'FRAME_TOO_LARGE', code: 'resource_exhausted' } }]);
    expect(told.closed).toMatchObject([{ reason: 'FRAME_TOO_LARGE' }]);
    expect(connection.aborts).toEqual([]);
    expect(connection.closes).toBe(1);
  });

  it.each([['one-way', onewayFlag], ['heartbeat', heartbeatFlag], ['response', responseFlag]])('of a %s frame that is too large is not answered', (_name, flags) => {
    const { connection, told } = openSession('server', { frames: { maxFrameBytes: 100 } });
    connection.deliver(frame({ flags, payload: 'p'.repeat(85) }));
    expect(told.refused).toEqual([]);
    expect(told.closed).toHaveLength(1);
    expect(connection.aborts).toHaveLength(1);
  });

  it('drops what arrives after close()', () => {
    const { connection, session, told } = openSession('server', { onRequest: (own) => void own.close() });
    connection.deliver(frame({ service: 'first' }), frame({ service: 'second' }));
    connection.deliver(frame({ service: 'third' }));
    expect(told.requests).toEqual(['first']);
    expect(session.ended).toBe(false);
    connection.sink?.closed(undefined);
    expect(told.closed).toEqual([undefined]);
  });
});

describe('J3: sequence numbers', () => {
  it.each([2n ** 32n - 2n, 2n ** 53n - 2n, 2n ** 63n - 2n, 2n ** 64n - 2n])('go on beyond %d, bit by bit, and begin again after 2^64', async (first) => {
    const { session, sent } = openSession('client', { firstSequence: { sequenceHigh: Number(first >> 32n), sequenceLow: Number(first & 0xffffffffn) } });
    for (let count = 0; count < 4; count++) session.sendHeartbeat();
    await turn();
    expect(sent().map(({ sequence }) => sequence)).toEqual([0n, 1n, 2n, 3n, 4n].map((step) => BigInt.asUintN(64, first + step)));
  });
});
