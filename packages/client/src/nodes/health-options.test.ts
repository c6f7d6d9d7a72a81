import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { defaultHealth, resolveHealthOptions, type HealthOptions } from './health-options.ts';

describe('resolveHealthOptions', () => {
  it('judges nobody for false, and takes the defaults for nothing, true, or options left out', () => {
    expect(resolveHealthOptions(false)).toBeUndefined();
    for (const options of [undefined, true, {}, { ejectionMs: undefined }] as const) expect(resolveHealthOptions(options)).toEqual(defaultHealth);
    expect(resolveHealthOptions({ consecutiveFailures: 1, maxEjectedShare: 1 })).toEqual({ ...defaultHealth, consecutiveFailures: 1, maxEjectedShare: 1 });
  });

  it.each<[HealthOptions, string]>([
    [{ consecutiveFailures: 0 }, 'health.consecutiveFailures is 0: it takes a whole number above 0, or Infinity for never'],
    [{ consecutiveFailures: 2.5 }, 'health.consecutiveFailures is 2.5'],
    [{ ejectionMs: 0 }, 'health.ejectionMs is 0: it takes milliseconds above 0'],
    [{ ejectionMs: Number.NaN }, 'health.ejectionMs is NaN'],
    [{ maxEjectionMs: Infinity }, 'health.maxEjectionMs is Infinity'],
    [{ maxEjectionMs: 500 }, 'health.maxEjectionMs is 500: it takes at least health.ejectionMs, which is 10000'],
    [{ maxEjectedShare: 50 }, 'health.maxEjectedShare is 50: it takes a share from 0 to 1'],
    [{ maxEjectedShare: -0.1 }, 'health.maxEjectedShare is -0.1'],
    [{ intervalMs: -1 }, 'health.intervalMs is -1'],
    [{ minimumCalls: 0 }, 'health.minimumCalls is 0: it takes a number above 0'],
    [{ leastGap: 2 }, 'health.leastGap is 2'],
    [{ deviations: -1 }, 'health.deviations is -1: it takes a number that is not negative'],
    [{ ejectionMs: '10s' } as unknown as HealthOptions, 'health.ejectionMs is "10s"'],
    [{ consecutive: 5 } as unknown as HealthOptions, 'health has no option "consecutive": it takes consecutiveFailures, '],
    ['off' as unknown as HealthOptions, 'health is "off": it takes an object with some of consecutiveFailures, '],
  ])('refuses %j', (options, message) => {
    expect(() => resolveHealthOptions(options)).toThrow(TypeError);
    expect(() => resolveHealthOptions(options)).toThrow(message);
  });

  it('documents the defaults that it has', () => {
    const source = readFileSync(new URL('health-options.ts', import.meta.url), 'utf8');
    const documented = [...source.matchAll(/@default ([\d .]+?)(?: \*\/|\n)[^?]*?readonly (\w+)\?/g)].map(([, value = '', name = '']) => [name, Number(value.replaceAll(' ', ''))]);
    expect(Object.fromEntries(documented)).toEqual(defaultHealth);
  });
});
