import { systemClock } from '@rpcxjs/core';
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
});
