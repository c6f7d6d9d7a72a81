import { describe, expect, it } from 'vitest';
import { LatencyWindow } from './latency-window.ts';

describe('a latency window', () => {
  it('says nothing before it knows twenty calls', () => {
    const window = new LatencyWindow();
    for (let count = 0; count < 19; count++) window.add(5);
    expect(window.quantile(0.95)).toBeUndefined();
    window.add(5);
    expect(window.quantile(0.95)).toBeDefined();
  });

  it('is right to a fifth, from microseconds to minutes', () => {
    for (const scale of [0.05, 1, 300, 60_000]) {
      const window = new LatencyWindow();
      for (let rank = 1; rank <= 100; rank++) window.add((rank / 100) * scale);
      for (const share of [0.5, 0.95, 0.99]) {
        const found = window.quantile(share) as number;
        expect(found / (share * scale)).toBeGreaterThanOrEqual(1);
        expect(found / (share * scale)).toBeLessThan(1.2);
      }
    }
  });

  it('forgets what was long ago', () => {
    const window = new LatencyWindow();
    for (let count = 0; count < 1024; count++) window.add(1000);
    for (let count = 0; count < 2048; count++) window.add(1);
    expect(window.quantile(0.99)).toBeLessThan(1.2);
  });

  it('takes what is no latency at all', () => {
    const window = new LatencyWindow();
    for (const odd of [0, -1, Infinity, 1e300]) for (let count = 0; count < 10; count++) window.add(odd);
    expect(window.quantile(0.4)).toBe(0.01);
    expect(window.quantile(0.99)).toBeGreaterThan(86_400_000 / 1000);
  });
});
