import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { checkedBound, checkedRate, TokenBucket, TokenBuckets } from './token-bucket.ts';

describe('a token bucket', () => {
  it('is full at first, then gives what comes back, and says when the next one is there', () => {
    const bucket = new TokenBucket({ perSecond: 10, burst: 2 }, 0);
    expect([0, 0, 0, 50, 99, 100, 100].map((now) => bucket.take(now))).toEqual([0, 0, 100, 50, 1, 0, 100]);
  });
  it('never holds more than its burst', () => {
    const bucket = new TokenBucket({ perSecond: 10, burst: 2 }, 0);
    expect([1e9, 1e9, 1e9].map((now) => bucket.take(now))).toEqual([0, 0, 100]);
  });
  it('is not confused by a time that was before', () => {
    const bucket = new TokenBucket({ perSecond: 1, burst: 1 }, 1000);
    expect([1000, 500, 1500, 2000].map((now) => bucket.take(now))).toEqual([0, 1000, 500, 0]);
  });
  it('gives a token after exactly the time that it named', () => {
    fc.assert(
      fc.property(fc.double({ min: 0.01, max: 5000, noNaN: true }), fc.integer({ min: 1, max: 20 }), fc.array(fc.integer({ min: 0, max: 300 }), { maxLength: 50 }), (perSecond, burst, gaps) => {
        const bucket = new TokenBucket({ perSecond, burst }, 0);
        let now = 0;
        for (const gap of gaps) bucket.take((now += gap));
        const wait = bucket.take(now);
        expect(wait === 0 || bucket.take(now + wait) === 0).toBe(true);
      }),
    );
  });
  it('gives over any time no more than its burst and what came back', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 1000 }), fc.integer({ min: 1, max: 20 }), fc.array(fc.integer({ min: 0, max: 20 }), { maxLength: 300 }), (perSecond, burst, gaps) => {
        const bucket = new TokenBucket({ perSecond, burst }, 0);
        let now = 0;
        let given = 0;
        for (const gap of gaps) if (bucket.take((now += gap)) === 0) given += 1;
        expect(given).toBeLessThanOrEqual(burst + (now / 1000) * perSecond + 1e-6);
      }),
    );
  });
});

describe('buckets by key', () => {
  it('are apart from each other', () => {
    const buckets = new TokenBuckets({ perSecond: 1, burst: 1 }, 10);
    expect(['a', 'a', 'b', 'b'].map((key) => buckets.take(key, 0))).toEqual([0, 1000, 0, 1000]);
  });
  it('are never more than allowed, and the one that was not used for the longest time goes', () => {
    const buckets = new TokenBuckets({ perSecond: 1, burst: 1 }, 2);
    expect(['a', 'b', 'a', 'c', 'a', 'b'].map((key) => buckets.take(key, 0))).toEqual([0, 0, 1000, 0, 1000, 0]);
    for (let index = 0; index < 1_000_000; index++) buckets.take(`peer ${index}`, 0);
    expect(buckets.size).toBe(2);
  });
});

it.each([{ perSecond: 0 }, { perSecond: -1 }, { perSecond: Number.NaN }, { perSecond: Infinity }, { perSecond: '5' }, {}, { perSecond: 1, burst: 0 }, { perSecond: 1, burst: 1.5 }, { perSecond: 1, burst: Infinity }])('the rate %j is a TypeError', (rate) => {
  expect(() => checkedRate('it', rate as never)).toThrow(TypeError);
});
it('a burst is what a second brings, 1 at least', () => {
  expect([0.1, 1, 2.5, 100].map((perSecond) => checkedRate('it', { perSecond }).burst)).toEqual([1, 1, 3, 100]);
});
it.each([0, -1, 1.5, Number.NaN, Infinity])('the bound %s is a TypeError', (bound) => {
  expect(() => checkedBound('it', bound)).toThrow(TypeError);
});
