import { describe, expect, it } from 'vitest';
import type { ClientPlugin } from '../src/index.ts';
import { failure, pair } from './pair.ts';

describe('a plugin of a client whose start fails', () => {
  it('fails that call and is started again by the next one, which those before it are not', async () => {
    let first = 0;
    let second = 0;
    const plugins: ClientPlugin[] = [
      { name: 'first', start: () => void (first += 1) },
      { name: 'second', start: () => { second += 1; if (second < 3) throw new Error(`not yet ${second}`); } },
    ];
    await using both = await pair((server) => server.registerFunction('A', 'B', () => 'done'), { client: { plugins } });
    expect((await failure(both.client.call('A', 'B', null))).message).toContain('not yet 1');
    expect((await failure(both.client.call('A', 'B', null))).message).toContain('not yet 2');
    expect(await both.client.call('A', 'B', null)).toBe('done');
    expect(await both.client.call('A', 'B', null)).toBe('done');
    expect([first, second]).toEqual([1, 3]);
  });
});
