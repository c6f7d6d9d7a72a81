import { describe, expect, it } from 'vitest';
import { house, type House } from './house.ts';

/** A backend that answers one question after the other, each in so many milliseconds. */
function slow({ backend, clock }: House, eachMs: number): { most: number } {
  const seen = { most: 0 };
  let [asked, freeAt] = [0, 0];
  backend.before = async () => {
    seen.most = Math.max(seen.most, ++asked);
    freeAt = Math.max(freeAt, clock.now()) + eachMs;
    await new Promise<void>((resolve) => void clock.setTimer(resolve, freeAt - clock.now()));
    asked -= 1;
  };
  return seen;
}

describe('more than a backend can answer in the time of one answer', () => {
  it('two thousand services that are watched at once have their lists one after the other, at the first try', async () => {
    const here = house();
    const registry = here.registry();
    const seen = slow(here, 5);
    const heard = Array.from({ length: 2000 }, (_, index) => here.watch(registry, `S${index}`));
    for (let waited = 0; waited < 12_000; waited += 50) await here.clock.advanceAsync(50);
    expect(heard.filter(({ lists, error }) => lists.length !== 1 || error !== undefined)).toEqual([]);
    expect(seen.most).toBeLessThanOrEqual(100);
    expect(here.said).toEqual([]);
  });

  it('a thousand services of a server are registered one after the other, at the first try', async () => {
    const here = house();
    const registry = here.registry({ ttlMs: 600_000 });
    slow(here, 5);
    const leases = Promise.all(Array.from({ length: 1000 }, (_, index) => registry.register({ service: `S${index}`, instance: { address: 'tcp@a:1', metadata: {} } }, { runtime: here.runtime })));
    for (let waited = 0; waited < 30_000; waited += 50) await here.clock.advanceAsync(50);
    expect(await leases).toHaveLength(1000);
  });

  it('where it answers nothing, all that wait are told so in the time of one answer, not one after the other', async () => {
    const here = house();
    const registry = here.registry({ timeoutMs: 1000 });
    here.backend.frozen = true;
    const heard = Array.from({ length: 500 }, (_, index) => here.watch(registry, `S${index}`));
    const failed = Array.from({ length: 500 }, (_, index) => registry.register({ service: `T${index}`, instance: { address: 'tcp@a:1', metadata: {} } }, { runtime: here.runtime }).catch((error: unknown) => error));
    await here.clock.advanceAsync(1010);
    for (const { error } of heard) expect(error).toMatchObject({ code: 'unavailable', reason: 'REGISTRY_UNREACHABLE', message: expect.stringContaining('no answer within 1000 ms') as string });
    for (const error of await Promise.all(failed)) expect(error).toMatchObject({ code: 'unavailable', reason: 'REGISTRY_UNREACHABLE', message: expect.stringContaining('no answer within 1000 ms') as string });
  });

  it('whoever gives up while others are asked has no turn', async () => {
    const here = house();
    const registry = here.registry();
    const seen = slow(here, 5);
    const heard = Array.from({ length: 200 }, (_, index) => here.watch(registry, `S${index}`));
    for (const { stop } of heard.slice(20)) stop();
    await here.clock.advanceAsync(1000);
    expect(heard.slice(0, 20).every(({ lists }) => lists.length === 1)).toBe(true);
    expect(seen.most).toBeLessThanOrEqual(64);
    const late = here.watch(registry, 'late');
    await here.clock.advanceAsync(100);
    expect(late.lists).toEqual(['']);
  });
});
