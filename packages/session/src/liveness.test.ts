import type { RpcError } from '@rpcxjs/core';
import { manualClock, type ManualClock } from '@rpcxjs/testing';
import { describe, expect, it } from 'vitest';
import { Liveness, type Watched } from './liveness.ts';
import { defaultHeartbeat, defaultSessionLimits, type HeartbeatOptions, type SessionLimits } from './session-limits.ts';

interface Peer extends Watched {
  pending: number;
  isPaused: boolean;
  partial: number;
  frames: number;
  unsent: number;
  delivered: number;
  readonly asked: number[];
  readonly failures: { readonly at: number; readonly error: RpcError }[];
}

function watch(role: 'client' | 'server', settings: { readonly heartbeat?: Partial<HeartbeatOptions>; readonly limits?: Partial<SessionLimits> } = {}) {
  const clock = manualClock({ startMs: 1000 });
  const peer: Peer = {
    role,
    pending: 0,
    isPaused: false,
    partial: 0,
    frames: 0,
    unsent: 0,
    delivered: 0,
    asked: [],
    failures: [],
    pendingCalls: () => peer.pending,
    partialBytes: () => peer.partial,
    paused: () => peer.isPaused,
    framesRead: () => peer.frames,
    unsentBytes: () => peer.unsent,
    deliveredBytes: () => peer.delivered,
    sendHeartbeat: () => peer.asked.push(clock.now() - 1000),
    fail: (error) => {
      peer.failures.push({ at: clock.now() - 1000, error });
      liveness.stop();
    },
  };
  const liveness = new Liveness(clock, peer, {
    limits: { ...defaultSessionLimits, ...settings.limits },
    heartbeat: { ...defaultHeartbeat, ...settings.heartbeat },
  });
  return { clock, peer, liveness };
}

/** Within the grain of the deadline ring. */
function about(expected: number, actual: number | undefined): void {
  expect(actual).toBeGreaterThanOrEqual(expected);
  expect(actual).toBeLessThanOrEqual(expected + 8);
}

/** Bytes every `everyMs`, for `forMs`. */
function chatter(clock: ManualClock, liveness: Liveness, everyMs: number, forMs: number): void {
  for (let passed = 0; passed < forMs; passed += everyMs) {
    clock.advance(everyMs);
    liveness.heard(clock.now());
  }
}

describe('a client', () => {
  it('asks after 2 s without a byte while a call waits, and gives up 3 s later', () => {
    const { clock, peer, liveness } = watch('client');
    peer.pending = 1;
    liveness.callSent(clock.now());
    clock.advance(1990);
    expect(peer.asked).toEqual([]);
    clock.advance(20);
    about(2000, peer.asked[0]);
    clock.advance(2980);
    expect(peer.failures).toEqual([]);
    clock.advance(60);
    about(5000, peer.failures[0]?.at);
    expect(peer.failures[0]?.error).toMatchObject({ code: 'unavailable', reason: 'PEER_SILENT' });
    expect(peer.asked).toHaveLength(1);
  });

  it('asks after 15 s when nothing waits, and gives up 3 s later', () => {
    const { clock, peer } = watch('client');
    clock.advance(14_990);
    expect(peer.asked).toEqual([]);
    clock.advance(20);
    about(15_000, peer.asked[0]);
    clock.advance(3010);
    about(18_000, peer.failures[0]?.at);
  });

  it('counts the silence from the call, not from the last byte of long ago', () => {
    const { clock, peer, liveness } = watch('client');
    clock.advance(10_000);
    peer.pending = 1;
    liveness.callSent(clock.now());
    clock.advance(1990);
    expect(peer.asked).toEqual([]);
    clock.advance(20);
    about(12_000, peer.asked[0]);
    clock.advance(3020);
    about(15_000, peer.failures[0]?.at);
  });

  it('notices a frozen server within 6 s, whenever the calls began', () => {
    for (const idleMs of [0, 500, 1990, 2500, 11_000, 13_500, 14_999]) {
      const { clock, peer, liveness } = watch('client');
      clock.advance(idleMs);
      peer.pending = 0;
      for (let sent = 0; sent < 40; sent++) {
        peer.pending += 1;
        liveness.callSent(clock.now());
        clock.advance(100);
      }
      clock.advance(2000);
      const { at } = peer.failures[0] ?? { at: Infinity };
      expect(at - idleMs, `after ${idleMs} ms without calls`).toBeLessThanOrEqual(5010);
    }
  });

  it('notices it as well when every call gives up before the silence counts', () => {
    const { clock, peer, liveness } = watch('client');
    for (let sent = 0; sent < 7 && peer.failures.length === 0; sent++) {
      peer.pending = 1;
      liveness.callSent(clock.now());
      clock.advance(900);
      peer.pending = 0;
      clock.advance(5);
    }
    expect(peer.failures).toHaveLength(1);
  });

  it('takes any byte for life, also the first one of a frame that never ends', () => {
    const { clock, peer, liveness } = watch('client');
    peer.pending = 1;
    liveness.callSent(clock.now());
    chatter(clock, liveness, 1900, 60_000);
    expect(peer.asked).toEqual([]);
    clock.advance(2100);
    expect(peer.asked).toHaveLength(1);
    liveness.heard(clock.now());
    clock.advance(1900);
    expect(peer.failures).toEqual([]);
    expect(peer.asked).toHaveLength(1);
  });

  it.each([15_000, 300])('asks once for each silence, and goes on asking for hours: after %i ms, however long an answer might take', (idleMs) => {
    const { clock, peer, liveness } = watch('client', { heartbeat: { idleMs } });
    for (let silence = 0; silence < 240; silence++) {
      clock.advance(idleMs + 10);
      liveness.heard(clock.now());
    }
    expect(peer.asked).toHaveLength(240);
    expect(peer.failures).toEqual([]);
  });

  it('does not take its own blocked loop for a dead server: what arrived meanwhile is read first', () => {
    let late = 0;
    const steady = manualClock();
    // Timers of a loop that was blocked run late, before what waits in the kernel is read.
    const clock = { ...steady, now: () => steady.now() + late, setTimer: steady.setTimer };
    const failures: RpcError[] = [];
    let asked = 0;
    const peer: Watched = {
      role: 'client', pendingCalls: () => 1, partialBytes: () => 0, paused: () => false, framesRead: () => 0, unsentBytes: () => 0, deliveredBytes: () => 0,
      sendHeartbeat: () => (asked += 1), fail: (error) => failures.push(error),
    };
    const liveness = new Liveness(clock, peer, { limits: defaultSessionLimits, heartbeat: defaultHeartbeat });
    liveness.callSent(clock.now());
    steady.advance(2004);
    expect(asked).toBe(1);
    late = 7000;
    steady.advance(2997);
    expect(failures).toEqual([]);
    liveness.heard(clock.now());
    steady.advance(1000);
    expect(failures).toEqual([]);
    steady.advance(10_000);
    expect(failures).toHaveLength(1);
    liveness.stop();
  });
});

describe('a server', () => {
  it('never ends a silent peer that neither negotiated nor sent heartbeats: a Go client may wait for hours', () => {
    const { clock, peer, liveness } = watch('server');
    liveness.heard(clock.now());
    clock.advance(24 * 3_600_000);
    expect(peer.failures).toEqual([]);
    expect(peer.asked, 'a heartbeat request of a server destroys calls of a Go client').toEqual([]);
    expect(clock.pending).toBe(0);
  });

  it('ends a negotiated peer after 30 s of silence', () => {
    const { clock, peer, liveness } = watch('server');
    liveness.heard(clock.now());
    liveness.negotiated();
    chatter(clock, liveness, 29_000, 300_000);
    expect(peer.failures).toEqual([]);
    clock.advance(29_990);
    expect(peer.failures).toEqual([]);
    clock.advance(20);
    expect(peer.failures[0]?.error).toMatchObject({ code: 'unavailable', reason: 'PEER_SILENT' });
    expect(peer.asked).toEqual([]);
  });

  it('ends a peer that sends heartbeats after three times the longest gap between them, at least 30 s', () => {
    const { clock, peer, liveness } = watch('server');
    const heartbeat = () => {
      liveness.heard(clock.now());
      expect(liveness.heartbeatReceived()).toBe(true);
    };
    heartbeat();
    clock.advance(5000);
    heartbeat();
    clock.advance(20_000);
    heartbeat();
    clock.advance(1000);
    heartbeat();
    clock.advance(59_990);
    expect(peer.failures).toEqual([]);
    clock.advance(20);
    about(86_000, peer.failures[0]?.at);
  });

  it('G28: gives up a connection without its first byte after 10 s, and not one that sent a single byte', () => {
    const silent = watch('server');
    silent.clock.advance(9990);
    expect(silent.peer.failures).toEqual([]);
    silent.clock.advance(20);
    about(10_000, silent.peer.failures[0]?.at);

    const spoke = watch('server');
    spoke.clock.advance(9990);
    spoke.liveness.heard(spoke.clock.now());
    spoke.clock.advance(60_000);
    expect(spoke.peer.failures).toEqual([]);
  });

  it('gives up a frame that is unfinished after 30 s and comes at less than 1 KiB a second', () => {
    const { clock, peer, liveness } = watch('server');
    for (let second = 0; second < 29; second++) {
      peer.partial += 1;
      liveness.heard(clock.now());
      clock.advance(1000);
    }
    expect(peer.failures).toEqual([]);
    clock.advance(1010);
    about(30_000, peer.failures[0]?.at);
    expect(peer.failures[0]?.error.message).toContain('a frame was not finished');
  });

  it('B8: gives up a frame of which half came at once, and then nothing for 30 s', () => {
    const { clock, peer, liveness } = watch('server');
    peer.partial = 8 * 1024 * 1024;
    liveness.heard(clock.now());
    clock.advance(35_000);
    expect(peer.failures[0]?.at).toBeGreaterThanOrEqual(30_000);
    expect(peer.failures[0]?.error.message).toContain('a frame was not finished');
  });

  it('holds nothing against a peer that it does not read itself', () => {
    for (const partial of [0, 100, 1024 * 1024]) {
      const { clock, peer, liveness } = watch('server');
      liveness.heartbeatReceived();
      Object.assign(peer, { partial, isPaused: true });
      liveness.heard(clock.now());
      clock.advance(300_000);
      peer.isPaused = false;
      liveness.resumed();
      clock.advance(61_000);
      expect(peer.failures[0]?.at).toBeGreaterThanOrEqual(330_000);
    }
  });

  it('lets a large frame take minutes at 2 KiB a second', () => {
    const { clock, peer, liveness } = watch('server');
    for (let second = 0; second < 600; second++) {
      peer.partial += 2048;
      liveness.heard(clock.now());
      clock.advance(1000);
    }
    expect(peer.failures).toEqual([]);
    peer.partial = 0;
    peer.frames += 1;
    liveness.heard(clock.now());
    clock.advance(600_000);
    expect(peer.failures).toEqual([]);
  });

  it('does not mistake a busy connection for a slow frame, where every chunk ends within the next frame', () => {
    const { clock, peer, liveness } = watch('server');
    for (let chunk = 0; chunk < 2000; chunk++) {
      peer.frames += 10;
      peer.partial = 100;
      liveness.heard(clock.now());
      clock.advance(100);
    }
    expect(peer.failures).toEqual([]);
  });

  it('gives up a peer that reads nothing for 10 s', () => {
    const { clock, peer, liveness } = watch('server');
    liveness.heard(clock.now());
    clock.advance(500);
    peer.unsent = 2_000_000;
    liveness.stalled(true);
    clock.advance(9990);
    expect(peer.failures).toEqual([]);
    clock.advance(20);
    about(10_500, peer.failures[0]?.at);
    expect(peer.failures[0]?.error).toMatchObject({ reason: 'PEER_SILENT', message: expect.stringContaining('2000000 bytes wait') });
  });

  it('spares a peer that reads slowly, although more waits for it than before', () => {
    const { clock, peer, liveness } = watch('server');
    liveness.heard(clock.now());
    liveness.stalled(true);
    for (let step = 0; step < 20; step++) {
      peer.delivered += 1;
      peer.unsent += 1_000_000;
      clock.advance(9000);
    }
    expect(peer.failures).toEqual([]);
    clock.advance(20_010);
    expect(peer.failures).toHaveLength(1);
  });

  it('does not count as silence what it did not read itself', () => {
    const { clock, peer, liveness } = watch('server');
    peer.partial = 10;
    liveness.heard(clock.now());
    liveness.negotiated();
    liveness.stalled(true);
    for (let step = 0; step < 20; step++) {
      peer.delivered += 1;
      clock.advance(9000);
    }
    expect(peer.failures).toEqual([]);
    const timers = clock.pending;
    expect(timers).toBeLessThanOrEqual(1);
    liveness.stalled(false);
    clock.advance(29_990);
    expect(peer.failures).toEqual([]);
    clock.advance(20);
    expect(peer.failures).toHaveLength(1);
  });

  it('allows 50 heartbeats at once and 10 a second for long', () => {
    const { clock, liveness } = watch('server');
    for (let sent = 0; sent < 50; sent++) expect(liveness.heartbeatReceived()).toBe(true);
    expect(liveness.heartbeatReceived()).toBe(false);
    for (let second = 0; second < 60; second++) {
      clock.advance(1000);
      for (let sent = 0; sent < 10; sent++) expect(liveness.heartbeatReceived()).toBe(true);
    }
    expect(liveness.heartbeatReceived()).toBe(false);
  });

  it('ends any peer after idleTimeoutMs, if it is set', () => {
    const { clock, peer, liveness } = watch('server', { heartbeat: { idleTimeoutMs: 5000 } });
    chatter(clock, liveness, 4000, 40_000);
    expect(peer.failures).toEqual([]);
    clock.advance(5010);
    expect(peer.failures).toHaveLength(1);
  });
});

describe('J1: steps of the wall clock', () => {
  it('end nothing early or late', () => {
    const { clock, peer, liveness } = watch('client');
    peer.pending = 1;
    liveness.callSent(clock.now());
    clock.advance(1000);
    clock.stepWallTime(7_200_000);
    clock.advance(990);
    expect(peer.asked).toEqual([]);
    clock.stepWallTime(-14_400_000);
    clock.advance(20);
    about(2000, peer.asked[0]);
    clock.stepWallTime(7_200_000);
    clock.advance(3010);
    about(5000, peer.failures[0]?.at);
  });
});

it('looks at nothing after it was stopped, and holds no timer', () => {
  for (const role of ['client', 'server'] as const) {
    const { clock, peer, liveness } = watch(role);
    liveness.heard(clock.now());
    liveness.stop();
    liveness.callSent(clock.now());
    liveness.stalled(true);
    liveness.negotiated();
    liveness.heartbeatReceived();
    liveness.heard(clock.now());
    expect(clock.pending).toBe(0);
    clock.advance(100_000);
    expect(peer.asked).toEqual([]);
    expect(peer.failures).toEqual([]);
  }
});
