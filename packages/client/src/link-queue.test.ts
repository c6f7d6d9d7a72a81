import { describe, expect, it } from 'vitest';
import { call, options } from '../test/calls.ts';
import { LinkQueue } from './link-queue.ts';
import { queueDefaults } from './link-options.ts';
import type { OutboundCall } from './outbound-call.ts';

const resolved = options({});
const one = (name: string): OutboundCall => call(resolved, name);
const open = (rules: Partial<typeof queueDefaults>): LinkQueue => new LinkQueue({ ...queueDefaults, ...rules });

describe('a queue', () => {
  it('keeps the order of a hundred thousand that come and go, and holds on to none of them', () => {
    const queue = open({ max: 10, overflow: 'drop-oldest' });
    let next = 0;
    for (let index = 0; index < 100_000; index++) {
      const displaced = queue.add(one(String(index)));
      if (index < 10) continue;
      if ((displaced as OutboundCall[])[0]?.method !== String(next)) throw new Error(`${next} was due`);
      next += 1;
    }
    expect(queue.takeAll().map(({ method }) => method)).toEqual(Array.from({ length: 10 }, (_, index) => String(99_990 + index)));
    expect([queue.isEmpty, queue.size, queue.take()]).toEqual([true, 0, undefined]);
  });

  it('finds room where calls have ended, and does not look for it each time', () => {
    const queue = open({ max: 50_000 });
    const calls = Array.from({ length: 50_000 }, (_, index) => one(String(index)));
    for (const waiting of calls) queue.add(waiting);
    const late = one('late');
    let looks = 0;
    Object.defineProperty(calls[0], 'settled', { get: () => ((looks += 1), false), configurable: true });
    for (let index = 0; index < 20_000; index++) if (queue.add(late) !== 'refused') throw new Error('there is no room');
    expect(looks).toBeGreaterThan(0);
    expect(looks).toBeLessThan(20);
    Object.defineProperty(calls[0], 'settled', { value: false, writable: true });
    for (const waiting of calls) waiting.settled = true;
    let tries = 0;
    while (queue.add(late) === 'refused') tries += 1;
    expect(tries).toBeLessThan(50_000 / 8);
    expect(queue.size).toBe(1);
  });

  it('counts bytes, and forgets those of calls that have ended', () => {
    const queue = open({ max: 10, maxBytes: 100 });
    const sized = (bytes: number): OutboundCall => call(resolved, 'M', { input: 'x'.repeat(bytes - 2) });
    const [first, second] = [sized(60), sized(40)];
    expect([queue.add(first), queue.add(second), queue.bytes]).toEqual(['waits', 'waits', 100]);
    expect(queue.add(sized(10))).toBe('refused');
    first.settled = true;
    expect([queue.add(sized(60)), queue.bytes]).toEqual(['waits', 100]);
    expect(queue.take()).toBe(second);
    expect(queue.bytes).toBe(60);
  });

  it('of no room refuses everything, unless calls wait for it', () => {
    expect(open({ max: 0 }).add(one('a'))).toBe('refused');
    expect(open({ max: 0, overflow: 'drop-oldest' }).add(one('a'))).toBe('refused');
    const waiting = open({ max: 0, overflow: 'wait' });
    expect([waiting.add(one('a')), waiting.size, waiting.take()?.method]).toEqual(['waits', 0, 'a']);
  });
});
