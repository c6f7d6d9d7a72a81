import { describe, expect, it } from 'vitest';
import { cached } from '../src/discovery-cached.ts';
import { merge, prefer } from '../src/discovery-merge.ts';
import { stabilised } from '../src/discovery-stabilised.ts';
import type { SnapshotStore } from '../src/discovery-snapshot.ts';
import { settle, SpokenDiscovery, Watching } from './spoken-discovery.ts';

/** Numbers that repeat. */
function draws(seed: number): (below: number) => number {
  let state = seed * 2_654_435_761 + 1;
  return (below) => {
    state = (Math.imul(state ^ (state >>> 15), 0x2c1b3c6d) + 0x9e3779b9) >>> 0;
    return (state >>> 8) % below;
  };
}

const names = ['a', 'b', 'c', 'd', 'e', 'f'];

/** Registries that speak, fail, lose their content and end up saying the truth again. */
async function story(seed: number) {
  const draw = draws(seed);
  const [one, other] = [new SpokenDiscovery(), new SpokenDiscovery()];
  const texts = new Map<string, string>();
  const store: SnapshotStore = {
    load: (service) => (draw(4) === 0 ? Promise.reject(new Error('EIO')) : Promise.resolve(texts.get(service))),
    save: (service, text) => (draw(4) === 0 ? Promise.reject(new Error('ENOSPC')) : Promise.resolve(void texts.set(service, text))),
  };
  const dead = new Set<string>();
  const probe = (address: string): Promise<boolean> => (dead.has(address) ? Promise.reject(new Error('refused')) : Promise.resolve(draw(8) > 0));
  const composed = stabilised(cached(draw(2) === 0 ? merge(one, other) : prefer(one, other), store), draw(2) === 0 ? { probe } : {});
  const watching = await new Watching().open(composed);
  const some = (): string[] => names.filter(() => draw(2) === 0);
  for (let step = 0; step < 40; step++) {
    const source = draw(2) === 0 ? one : other;
    if (draw(4) === 0) source.fail();
    else source.say(...(draw(3) === 0 ? [] : some()));
    if (draw(5) === 0) dead.add(`tcp@${names[draw(names.length)] ?? ''}:1`);
    await settle();
    if (watching.ended !== 'no') await watching.open(composed); // as a client does
    await watching.after(draw(3) === 0 ? draw(20_000) : draw(300));
  }
  if (watching.ended !== 'no') await watching.open(composed);
  await watching.after(6000);
  return { one, other, watching };
}

describe('a composition of everything', () => {
  it('G13: whatever happened, ends up with what the registries say, and leaves nothing behind', async () => {
    for (let seed = 0; seed < 200; seed++) {
      const { one, other, watching } = await story(seed);
      one.say('a', 'b');
      other.say('b', 'a');
      await settle();
      if (watching.ended !== 'no') throw new Error(`seed ${seed}: it failed although both registries spoke`);
      await watching.after(60_000);
      expect(watching.lists.at(-1), `seed ${seed}`).toBe('a b');
      one.say('c', 'a', 'b');
      other.say('c', 'a', 'b');
      await settle();
      expect(watching.lists.at(-1), `seed ${seed}`).toBe('a b c');
      watching.controller.abort();
      await settle();
      expect([watching.clock.armed.size, one.feeds.size, other.feeds.size], `seed ${seed}`).toEqual([0, 0, 0]);
      expect(watching.warnings.filter(({ message }) => message.includes('snapshot')).length, `seed ${seed}`).toBeLessThanOrEqual(2);
    }
  });
});
