import { AsyncLocalStorage } from 'node:async_hooks';
import type { MaybePromise } from '@rpcxjs/core';
import { manualClock } from '@rpcxjs/testing';
import { describe, expect, it } from 'vitest';
import { TurnTaking } from './turn-taking.ts';

function run<T>(turns: TurnTaking, owner: object, start: () => MaybePromise<T>): MaybePromise<T> {
  return turns.free ? turns.begun(start()) : turns.wait(owner, start);
}
const turn = () => new Promise<void>((resolve) => { setImmediate(resolve); });
const [greedy, modest] = [{}, {}];

it('keeps nothing of a work that has ended, although the next one could begin: each goes on in the context in which it came', async () => {
  const calls = new AsyncLocalStorage<string>();
  const turns = new TurnTaking(1, manualClock());
  const seen: (string | undefined)[] = [];
  const works = ['a', 'b', 'c'].map((call) => calls.run(call, async () => run(turns, greedy, async () => {
    seen.push(calls.getStore());
    await turn();
  })));
  await Promise.all(works);
  expect(seen).toEqual(['a', 'b', 'c']);
});

describe('works of several owners', () => {
  it('go on so many at once, each owner in its turn, and none is lost whether it ends well or not', async () => {
    const turns = new TurnTaking(2, manualClock());
    const begun: string[] = [];
    const ends: ((error?: Error) => void)[] = [];
    const work = (name: string) => (): Promise<string> => {
      begun.push(name);
      return new Promise((resolve, reject) => ends.push((error) => (error === undefined ? resolve(name) : reject(error))));
    };
    const results = Promise.allSettled([...['a', 'b', 'c', 'd', 'e'].map((name) => run(turns, greedy, work(name))), run(turns, modest, work('x')), run(turns, modest, work('y'))]);
    expect(begun).toEqual(['a', 'b']);
    expect(turns.waiting).toBe(5);
    for (const error of [undefined, new Error('broken'), undefined, undefined, undefined, undefined, undefined]) {
      ends.shift()?.(error);
      await turn();
      expect(turns.running).toBeLessThanOrEqual(2);
    }
    expect(begun).toEqual(['a', 'b', 'c', 'x', 'd', 'y', 'e']);
    expect((await results).map((result) => (result.status === 'fulfilled' ? result.value : 'broken'))).toEqual(['a', 'broken', 'c', 'd', 'e', 'x', 'y']);
    expect([turns.running, turns.waiting]).toEqual([0, 0]);
  });

  it('that end at once are given as they are, and give the loop back when thousands of them waited', async () => {
    const clock = manualClock();
    const turns = new TurnTaking(1, clock);
    expect(run(turns, greedy, () => 7)).toBe(7);
    expect(() => run(turns, greedy, () => { throw new Error('at once'); })).toThrow('at once');
    let end!: () => void;
    const slow = run(turns, greedy, () => new Promise<void>((resolve) => { end = resolve; }));
    let ran = 0;
    const quick = Array.from({ length: 1000 }, async () => run(turns, greedy, () => (ran += 1)));
    const failing = Promise.allSettled([(async () => run(turns, modest, () => { throw new Error('in its turn'); }))()]);
    expect(ran).toBe(0);
    end();
    await slow;
    await turn();
    expect(ran, 'in one turn').toBe(1);
    while (turns.waiting > 0) {
      clock.advance(1);
      await turn();
    }
    expect(await failing).toMatchObject([{ status: 'rejected', reason: { message: 'in its turn' } }]);
    expect(ran).toBe(1000);
    expect((await Promise.all(quick)).at(-1)).toBe(1000);
  });
});
