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
      if (index >= 10) {
        expect((displaced as OutboundCall[]).map(({ method }) => method)).toEqual([String(next)]);
        next += 1;
      }
    }
    expect(queue.takeAll().map(({ method }) => method)).toEqual(Array.from({ length: 10 }, (_, index) => String(99_990 + index)));
    expect([queue.isEmpty, queue.size, queue.take()]).toEqual([true, 0, undefined]);
  });

  it('finds room where calls have ended, and refuses many in little time', () => {
    const queue = open({ max: 50_000 });
    const calls = Array.from({ length: 50_000 }, (_, index) => one(String(index)));
    for (const waiting of calls) queue.add(waiting);
    const late = one('late');
    const began = performance.now();
    for (let index = 0; index < 20_000; index++) expect(queue.add(late) === 'refused').toBe(true);
    // Looked through each time, that would be a thousand million calls.
    expect(performance.now() - began).toBeLessThan(3000);
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
