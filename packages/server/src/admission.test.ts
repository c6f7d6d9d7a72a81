import { systemClock } from '@rpcxjs/core';
import { manualClock } from '@rpcxjs/testing';
import { describe, expect, it } from 'vitest';
import { Admission, type Queued } from './admission.ts';
import { defaultServerLimits } from './server-options.ts';

function queued(name: string, log: string[], options: { stale?: boolean; runs?: () => void; owner?: object } = {}): Queued {
  return {
    owner: options.owner ?? log,
    stale: () => options.stale === true,
    displaced: () => void log.push(`displaced ${name}`),
    dropped: () => void log.push(`dropped ${name}`),
    admitted() {
      log.push(`admitted ${name}`);
      options.runs?.();
      return true;
    },
  };
}
const admission = (maxCalls: number, maxQueuedCalls: number) => new Admission({ ...defaultServerLimits, maxCalls, maxQueuedCalls }, systemClock);

describe('admission', () => {
  it('gives places until there are none, and the queue takes the rest in order', () => {
    const log: string[] = [];
    const places = admission(2, 2);
    expect([places.enter(), places.enter(), places.enter()]).toEqual([true, true, false]);
    expect([places.wait(queued('a', log)), places.wait(queued('b', log)), places.wait(queued('c', log))]).toEqual([true, true, false]);
    places.leave();
    expect(log).toEqual(['admitted a']);
    places.leave();
    expect(log).toEqual(['admitted a', 'admitted b']);
    expect([places.running, places.queued]).toEqual([2, 0]);
    places.leave();
    places.leave();
    expect(places.running).toBe(0);
  });

  it('takes a place back that was not wanted, and offers it to the next', () => {
    const log: string[] = [];
    const places = admission(1, 5);
    places.enter();
    for (const [name, stale] of [['a', true], ['b', true], ['c', false]] as const) places.wait(queued(name, log, { stale }));
    places.leave();
    expect(log).toEqual(['dropped a', 'dropped b', 'admitted c']);
    expect([places.running, places.queued, places.expired]).toEqual([1, 0, 2]);
  });

  it('makes room in a full queue where the oldest is not wanted any more, and only there', () => {
    const log: string[] = [];
    const places = admission(1, 2);
    places.enter();
    places.wait(queued('a', log, { stale: true }));
    places.wait(queued('b', log));
    expect(places.wait(queued('c', log))).toBe(true);
    expect(log).toEqual(['dropped a']);
    expect(places.wait(queued('d', log))).toBe(false);
    expect(places.queued).toBe(2);
  });

  it('sweeps out what is not wanted, wherever it stands, and keeps the order of the others', () => {
    const log: string[] = [];
    const places = admission(1, 10);
    places.enter();
    for (const [index, name] of ['a', 'b', 'c', 'd'].entries()) places.wait(queued(name, log, { stale: index % 2 === 0 }));
    places.sweep();
    expect(log).toEqual(['dropped a', 'dropped c']);
    places.leave();
    places.leave();
    expect(log.slice(2)).toEqual(['admitted b', 'admitted d']);
  });

  it('is no deeper for ten thousand that end at once', () => {
    const log: string[] = [];
    const places = admission(1, 10_000);
    places.enter();
    for (let count = 0; count < 10_000; count++) places.wait(queued('x', log, { runs: () => places.leave() }));
    places.leave();
    expect(log).toHaveLength(10_000);
    expect([places.running, places.queued]).toEqual([0, 0]);
  });

  it('gives each connection its turn, however much another one has queued', () => {
    const log: string[] = [];
    const places = admission(1, 100);
    places.enter();
    const [a, b, c] = [{}, {}, {}];
    for (const name of ['a1', 'a2', 'a3', 'a4']) places.wait(queued(name, log, { owner: a }));
    for (const name of ['b1', 'b2']) places.wait(queued(name, log, { owner: b }));
    places.wait(queued('c1', log, { owner: c }));
    for (let count = 0; count < 7; count++) places.leave();
    expect(log.map((line) => line.replace('admitted ', ''))).toEqual(['a1', 'b1', 'c1', 'a2', 'b2', 'a3', 'a4']);
  });

  it('takes the newest first once the queue was not empty for a tenth of a second, and the oldest again after it was', () => {
    const clock = manualClock();
    const log: string[] = [];
    const places = new Admission({ ...defaultServerLimits, maxCalls: 1, maxQueuedCalls: 10 }, clock);
    places.enter();
    for (const name of ['a', 'b', 'c', 'd']) places.wait(queued(name, log));
    clock.advance(100);
    places.leave();
    clock.advance(1);
    for (let count = 0; count < 3; count++) places.leave();
    for (const name of ['e', 'f']) places.wait(queued(name, log));
    for (let count = 0; count < 2; count++) places.leave();
    expect(log.map((line) => line.replace('admitted ', ''))).toEqual(['a', 'd', 'c', 'b', 'e', 'f']);
  });

  it('takes the newest call of whoever has more than a share of a full queue for one who has less, and nothing of those who have theirs', () => {
    const log: string[] = [];
    const places = admission(1, 6);
    places.enter();
    const owners = [{}, {}, {}];
    const add = (owner: number, name: string) => places.wait(queued(name, log, { owner: owners[owner] ?? {} }));
    for (const name of ['a1', 'a2', 'a3', 'a4', 'a5', 'a6']) add(0, name);
    expect([add(0, 'a7'), add(1, 'b1'), add(2, 'c1'), add(1, 'b2'), add(1, 'b3'), add(0, 'a8'), add(2, 'c2'), add(2, 'c3')]).toEqual([false, true, true, true, false, false, true, false]);
    expect(log).toEqual(['displaced a6', 'displaced a5', 'displaced a4', 'displaced a3']);
    expect(places.queued).toBe(6);
  });
});

describe('D9: a minute of five times the calls that can be answered', () => {
  it('answers four of five of what it can in time, all the time, and everything five seconds later', () => {
    const clock = manualClock();
    const places = new Admission({ ...defaultServerLimits, maxCalls: 10 }, clock);
    const serviceMs = 10;
    const deadlineMs = 250;
    const capacity = 1000;
    const owners = Array.from({ length: 20 }, () => ({}));
    const perSecond = { answered: 0, arrived: 0 };
    const arrive = (): void => {
      const due = clock.now() + deadlineMs;
      const run = (): void => {
        clock.setTimer(() => {
          if (clock.now() <= due) perSecond.answered += 1;
          places.leave();
        }, serviceMs);
      };
      perSecond.arrived += 1;
      if (places.enter()) return run();
      const owner = owners[Math.floor(clock.random() * owners.length)] ?? {};
      places.wait({ owner, stale: () => clock.now() >= due, dropped() {}, displaced() {}, admitted: () => (run(), true) });
    };
    const seconds = (count: number, load: number): { answered: number; arrived: number }[] => {
      const gapMs = 1000 / (capacity * load);
      let next = clock.now();
      return Array.from({ length: count }, () => {
        Object.assign(perSecond, { answered: 0, arrived: 0 });
        for (const end = clock.now() + 1000; clock.now() < end;) {
          while (next <= clock.now()) {
            arrive();
            // Exponential gaps: bursts and lulls, as of many callers who know nothing of each other.
            next += -Math.log(1 - clock.random()) * gapMs;
          }
          clock.advance(1);
        }
        return { ...perSecond };
      });
    };
    const pressed = seconds(60, 5);
    expect(Math.min(...pressed.map(({ arrived }) => arrived))).toBeGreaterThan(4.5 * capacity);
    expect(Math.min(...pressed.map(({ answered }) => answered)), 'in the worst second').toBeGreaterThanOrEqual(0.8 * capacity);
    const after = seconds(6, 0.8).at(-1);
    expect(after?.answered).toBeGreaterThanOrEqual(0.98 * (after?.arrived ?? Infinity));
    expect(places.queued).toBeLessThan(50);
  });
});
