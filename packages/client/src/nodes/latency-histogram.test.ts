import { seededRandom } from '@rpcxjs/testing';
import { describe, expect, it } from 'vitest';
import { LatencyHistogram } from './latency-histogram.ts';

describe('LatencyHistogram', () => {
  it('knows nothing of no calls', () => {
    expect(new LatencyHistogram().quantile(0.5, 0)).toBeUndefined();
  });

  it('gives any quantile to 7 %, from microseconds to half an hour', () => {
    const random = seededRandom(3);
    const histogram = new LatencyHistogram();
    const durations = Array.from({ length: 10_000 }, () => 0.01 * 10 ** (random() * 8));
    for (const duration of durations) histogram.add(duration, 0);
    durations.sort((one, other) => one - other);
    for (const share of [0.01, 0.25, 0.5, 0.9, 0.95, 0.99, 0.999]) {
      const exact = durations[Math.ceil(share * durations.length) - 1] as number; // within the list
      expect(Math.abs((histogram.quantile(share, 0) as number) / exact - 1)).toBeLessThan(0.07);
    }
  });

  it.each([0, -1, 0.0004, Number.NaN])('takes %d ms for next to nothing', (duration) => {
    const histogram = new LatencyHistogram();
    histogram.add(duration, 0);
    expect(histogram.quantile(0.5, 0)).toBe(0.0005);
  });

  it.each([2_147_484, 1e12, Infinity])('takes %d ms for the longest it knows', (duration) => {
    const histogram = new LatencyHistogram();
    histogram.add(duration, 0);
    expect(histogram.quantile(0.5, 0)).toBeGreaterThan(2e6);
    expect(histogram.quantile(1, 0)).toBeLessThan(2.2e6);
  });

  it('forgets what is older than a minute, and nothing that is younger than 30 s', () => {
    const histogram = new LatencyHistogram();
    for (let second = 0; second < 30; second++) histogram.add(100, second * 1000);
    histogram.add(1, 30_000);
    expect(histogram.quantile(0.9, 59_000)).toBeCloseTo(100, -1);
    expect(histogram.quantile(0.9, 60_000)).toBeLessThan(1.07);
    expect(histogram.quantile(0.9, 90_000)).toBeUndefined();
  });

  it('forgets everything over a long silence', () => {
    const histogram = new LatencyHistogram();
    histogram.add(100, 0);
    histogram.add(1, 1_000_000);
    expect(histogram.quantile(1, 1_000_000)).toBeLessThan(1.07);
  });
});
