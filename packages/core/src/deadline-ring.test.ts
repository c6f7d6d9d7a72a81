import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ManualClock } from '../test/manual-clock.ts';
import { DeadlineRing, type Expirable } from './deadline-ring.ts';

function setUp() {
  const clock = new ManualClock();
  const ring = new DeadlineRing(clock);
  const told: string[] = [];
  const entry = (name: string): Expirable => ({ expired: () => void told.push(`${name}@${clock.now()}`) });
  return { clock, ring, told, entry };
}

describe('DeadlineRing', () => {
  it('is one for each clock', () => {
    const clock = new ManualClock();
    expect(DeadlineRing.of(clock)).toBe(DeadlineRing.of(clock));
    expect(DeadlineRing.of(clock)).not.toBe(DeadlineRing.of(new ManualClock()));
  });

  it('expires never before the deadline and at most 4 ms after it', () => {
    const { clock, ring, told, entry } = setUp();
    ring.add(100, entry('a'));
    ring.add(101, entry('b'));
    ring.add(7.25, entry('c'));
    clock.advance(7.2);
    expect(told).toEqual([]);
    clock.advance(92.7);
    expect(told).toEqual(['c@8']);
    clock.advance(10);
    expect(told).toEqual(['c@8', 'a@100', 'b@104']);
    expect(ring.size).toBe(0);
  });

  it('arms nothing when it is empty', () => {
    const { clock, ring, entry } = setUp();
    expect(clock.armed.size).toBe(0);
    const first = ring.add(50, entry('a'));
    const second = ring.add(60, entry('b'));
    expect(clock.armed.size).toBe(1);
    ring.remove(first);
    expect(clock.armed.size).toBe(1);
    ring.remove(second);
    expect(clock.armed.size).toBe(0);
    ring.add(10, entry('c'));
    clock.advance(1000);
    expect(clock.armed.size).toBe(0);
  });

  it('keeps one timer for any number of deadlines, and makes no new one for later deadlines', () => {
    const { clock, ring, entry } = setUp();
    const handles = Array.from({ length: 1000 }, (_, index) => ring.add(10_000 + index, entry('a')));
    expect(clock.armed.size).toBe(1);
    expect(clock.timersMade).toBe(1);
    for (const handle of handles) ring.remove(handle);
    expect(clock.armed.size).toBe(0);
  });

  it('moves its timer forward for an earlier deadline, but not within the same 4 ms', () => {
    const { clock, ring, told, entry } = setUp();
    ring.add(99, entry('late'));
    ring.add(98, entry('same grain'));
    expect(clock.timersMade).toBe(1);
    ring.add(20, entry('early'));
    expect(clock.timersMade).toBe(2);
    expect(clock.armed.size).toBe(1);
    clock.advance(100);
    expect(told).toEqual(['early@20', 'late@100', 'same grain@100']);
  });

  it('hands a free handle out again and tells only the entry that holds it now', () => {
    const { clock, ring, told, entry } = setUp();
    const handle = ring.add(10, entry('old'));
    ring.remove(handle);
    expect(ring.add(20, entry('new'))).toBe(handle);
    clock.advance(30);
    expect(told).toEqual(['new@20']);
  });

  it.each([63, 64, 65, 128, 5000, 70_000])('keeps %d entries apart while it grows', (count) => {
    const { clock, ring } = setUp();
    const expired = new Uint8Array(count);
    const handles = new Set<number>();
    for (let index = 0; index < count; index++) handles.add(ring.add(index % 97, { expired: () => void (expired[index]! += 1) }));
    expect(handles.size).toBe(count);
    expect(ring.size).toBe(count);
    clock.advance(200);
    expect(expired.every((times) => times === 1)).toBe(true);
    expect(ring.size).toBe(0);
  });

  it('D3: takes 0, negative, huge and missing deadlines for what they say', () => {
    const { clock, ring, told, entry } = setUp();
    clock.advance(5);
    ring.add(0, entry('zero'));
    ring.add(-1, entry('negative'));
    ring.add(-Infinity, entry('before all'));
    const never = [2 ** 31 + 5, 2 ** 53, Infinity, Number.NaN].map((at) => ring.add(at, entry(`at ${at}`)));
    clock.advance(0);
    clock.advance(4);
    expect(told).toEqual(['zero@5', 'negative@5', 'before all@5']);
    clock.advance(2 ** 31 - 100);
    expect(told.length).toBe(3);
    clock.advance(200);
    expect(told.slice(3)).toEqual([`at ${2 ** 31 + 5}@${2 ** 31 + 8}`]);
    for (const handle of never.slice(1)) ring.remove(handle);
    expect(ring.size).toBe(0);
    expect(clock.armed.size).toBe(0);
  });

  it('asks once more, and not for ever, for an instant that rounding takes for now', () => {
    const { clock, ring, told, entry } = setUp();
    ring.add(100, entry('b'));
    ring.add(Number.MIN_VALUE, entry('a'));
    clock.advance(1);
    expect(told).toEqual(['a@1']);
    expect(clock.timersMade).toBeLessThanOrEqual(4);
  });

  it('lets an expired entry add others, also such as are already late', () => {
    const { clock, ring, told, entry } = setUp();
    ring.add(10, {
      expired() {
        ring.add(clock.now() - 5, entry('late'));
        ring.add(30, entry('next'));
      },
    });
    clock.advance(12);
    expect(told).toEqual(['late@12']);
    clock.advance(30);
    expect(told).toEqual(['late@12', 'next@32']);
  });

  it('lets an expired entry remove another that is due in the same sweep', () => {
    const { clock, ring, told, entry } = setUp();
    let other = -1;
    ring.add(10, { expired: () => ring.remove(other) });
    other = ring.add(10, entry('removed'));
    ring.add(10, entry('kept'));
    clock.advance(20);
    expect(told).toEqual(['kept@12']);
    expect(ring.size).toBe(0);
    // A handle that was freed twice would now be handed out twice.
    expect(new Set(Array.from({ length: 200 }, () => ring.add(Infinity, entry('x')))).size).toBe(200);
  });

  it('does not expire what took the place of a removed entry during the sweep', () => {
    const { clock, ring, told, entry } = setUp();
    let other = -1;
    ring.add(10, {
      expired() {
        ring.remove(other);
        ring.add(50, entry('replacement'));
        ring.add(60, entry('replacement'));
      },
    });
    other = ring.add(10, entry('removed'));
    clock.advance(20);
    expect(told).toEqual([]);
    clock.advance(100);
    expect(told).toEqual(['replacement@52', 'replacement@60']);
  });

  it('tells the others although one throws', () => {
    const { clock, ring, told, entry } = setUp();
    ring.add(10, entry('first'));
    ring.add(10, { expired() { throw new Error('broken entry'); } });
    ring.add(10, entry('third'));
    expect(() => clock.advance(20)).toThrow('broken entry');
    clock.advance(0);
    clock.advance(10);
    expect(told).toEqual(['first@12', 'third@12']);
    expect(ring.size).toBe(0);
    expect(clock.armed.size).toBe(0);
  });

  it('does what a plain list of deadlines does, whatever is added, removed and waited for', () => {
    type Step = { readonly add: number } | { readonly remove: number } | { readonly wait: number };
    const steps: fc.Arbitrary<Step[]> = fc.array(fc.oneof(
      { weight: 5, arbitrary: fc.record({ add: fc.oneof(fc.integer({ min: -20, max: 200 }), fc.double({ min: 0, max: 100, noNaN: true })) }) },
      { weight: 3, arbitrary: fc.record({ remove: fc.nat() }) },
      { weight: 2, arbitrary: fc.record({ wait: fc.oneof(fc.integer({ min: 0, max: 60 }), fc.double({ min: 0, max: 9, noNaN: true })) }) },
    ), { maxLength: 300 });
    fc.assert(fc.property(steps, (all) => {
      const clock = new ManualClock();
      const ring = new DeadlineRing(clock);
      const live = new Map<number, { at: number; handle: number }>();
      let made = 0;
      for (const step of all) {
        if ('add' in step) {
          const id = made++;
          const addedAt = clock.now();
          const at = addedAt + step.add;
          const expired = (): void => {
            expect(live.has(id)).toBe(true);
            expect(clock.now()).toBeGreaterThanOrEqual(at);
            expect(clock.now()).toBeLessThanOrEqual(Math.max(at, addedAt) + 5);
            live.delete(id);
          };
          live.set(id, { at, handle: ring.add(at, { expired }) });
        } else if ('remove' in step) {
          const id = [...live.keys()][step.remove % Math.max(1, live.size)];
          if (id === undefined) continue;
          ring.remove(live.get(id)!.handle);
          live.delete(id);
        } else {
          clock.advance(step.wait);
          // What is left is not overdue by more than the grain.
          for (const { at } of live.values()) expect(at).toBeGreaterThanOrEqual(clock.now() - 5);
        }
        expect(ring.size).toBe(live.size);
        expect(clock.armed.size).toBeLessThanOrEqual(live.size > 0 ? 1 : 0);
        const next = [...clock.armed][0];
        if (live.size > 0) expect(next!.at).toBeLessThanOrEqual(Math.max(clock.now(), Math.min(...[...live.values()].map(({ at }) => at))) + 5);
      }
    }), { numRuns: 500 });
  });
});
