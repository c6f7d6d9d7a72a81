import { describe, expect, it } from 'vitest';
import { settle, SpokenDiscovery, Watching } from '../test/spoken-discovery.ts';
import { dialProbe } from './dial-probe.ts';
import { stabilised, type StabilisedOptions } from './discovery-stabilised.ts';
import type { Connection, Dialer } from './transport.ts';

async function opened(options?: StabilisedOptions) {
  const source = new SpokenDiscovery();
  const watching = await new Watching().open(stabilised(source, options));
  const say = async (...names: Parameters<SpokenDiscovery['say']>): Promise<string | undefined> => {
    source.say(...names);
    await settle();
    return watching.lists.at(-1);
  };
  return { source, watching, say };
}

/** A probe that a test answers for. */
function probes(dead: ReadonlySet<string>) {
  const asked: string[] = [];
  const probe: StabilisedOptions['probe'] = (address) => {
    asked.push(address.slice(4, -2));
    return Promise.resolve(!dead.has(address.slice(4, -2)));
  };
  return { asked, probe };
}
const inactive = (name: string) => ({ address: `tcp@${name}:1`, metadata: { state: 'inactive' } });

describe('stabilised', () => {
  it('passes on lists that grow, shrink a little, and change', async () => {
    const { say, watching } = await opened();
    expect(await say('a', 'b', 'c')).toBe('a b c');
    expect(await say('a', 'b')).toBe('a b');
    expect(await say('c', 'd')).toBe('c d');
    expect(await say('c', 'd', 'e')).toBe('c d e');
    await say('c', 'd', 'e');
    expect(watching.lists).toHaveLength(4);
    expect(watching.clock.armed.size).toBe(0);
  });

  it('passes on a first list that is empty', async () => {
    const { say } = await opened();
    expect(await say()).toBe('');
    expect(await say('a')).toBe('a');
  });

  it('G4: keeps all instances when the list becomes empty, until the next good list', async () => {
    const { say, watching } = await opened();
    await say('a', 'b', 'c');
    expect(await say()).toBe('a b c');
    await watching.after(59_000);
    expect(await say('a', 'b')).toBe('a b');
    await watching.after(60_000);
    expect(watching.lists).toEqual(['a b c', 'a b']);
    expect(watching.clock.armed.size).toBe(0);
  });

  it('G4: keeps those that vanish when half of the list goes at once, with new ones beside them', async () => {
    const { say } = await opened();
    await say('a', 'b', 'c', 'd');
    expect(await say('c', 'd')).toBe('a b c d');
    expect(await say('d', 'e')).toBe('a b c d e');
    expect(await say('d', 'e', 'f')).toBe('d e f');
  });

  it('G4: drops the kept ones after 60 s when the registry still says so, and so at the latest', async () => {
    const { say, watching } = await opened();
    await say('a', 'b', 'c', 'd');
    await say('d');
    await watching.after(30_000);
    await say();
    await watching.after(29_999);
    expect(watching.lists.at(-1)).toBe('a b c d');
    await watching.after(1);
    expect(watching.lists.at(-1)).toBe('');
  });

  it('keeps them longer while the registry is down: nobody confirms anything then', async () => {
    const { source, say, watching } = await opened({ keepMs: 10_000 });
    await say('a', 'b');
    await say();
    source.fail();
    await settle();
    for (let count = 0; count < 5; count++) {
      await watching.after(5000);
      source.fail();
      await settle();
    }
    expect(watching.lists).toEqual(['a b']);
    await watching.after(5000);
    await say();
    await watching.after(10_000);
    expect(watching.lists).toEqual(['a b', '']);
  });

  it('G4: asks the kept ones, and drops those that fail two probes in a row', async () => {
    const dead = new Set(['a']);
    const { asked, probe } = probes(dead);
    const { say, watching } = await opened({ probe });
    await say('a', 'b', 'c');
    expect(await say()).toBe('a b c');
    expect(asked.sort()).toEqual(['a', 'b', 'c']);
    await watching.after(5000);
    expect(asked.filter((name) => name === 'a')).toHaveLength(2);
    expect(watching.lists.at(-1)).toBe('b c');
    dead.add('b');
    await watching.after(5000);
    dead.delete('b');
    await watching.after(5000);
    dead.add('b');
    await watching.after(5000);
    expect(watching.lists.at(-1)).toBe('b c');
    dead.add('c');
    for (let count = 0; count < 2; count++) await watching.after(5000);
    expect(watching.lists.at(-1)).toBe('');
    const before = asked.length;
    await watching.after(60_000);
    expect(asked).toHaveLength(before);
    expect(watching.clock.armed.size).toBe(0);
  });

  it('measures what comes next by those that are not known to be dead', async () => {
    const { probe } = probes(new Set(['d']));
    const { say, watching } = await opened({ probe });
    await say('a', 'b', 'c', 'd');
    await say();
    await watching.after(5000);
    expect(watching.lists.at(-1)).toBe('a b c');
    expect(await say('a', 'b')).toBe('a b');
  });

  it('asks only those that are not in the list, and counts the time from the first suspicion', async () => {
    const { asked, probe } = probes(new Set());
    const { say, watching } = await opened({ probe });
    await say('a', 'b', 'c', 'd');
    await say();
    await watching.after(3000);
    expect(await say('a', 'b')).toBe('a b c d');
    expect(await say('a', 'b', 'a')).toBe('a b c d');
    // One for the end, one for the next round.
    expect(watching.clock.armed.size).toBe(2);
    asked.length = 0;
    await watching.after(2000);
    expect(asked.sort()).toEqual(['c', 'd']);
    await watching.after(55_000);
    expect(watching.lists.at(-1)).toBe('a b');
  });

  it('keeps those that answer for ever when it is told to', async () => {
    const { probe } = probes(new Set(['b']));
    const { say, watching } = await opened({ probe, keepMs: Infinity });
    await say('a', 'b');
    await say();
    for (let count = 0; count < 100; count++) await watching.after(5000);
    expect(watching.lists).toEqual(['a b', 'a']);
  });

  it('takes a probe that throws, rejects or never answers for a no, and asks no more than 16 at once', async () => {
    let open = 0;
    let most = 0;
    const probe: StabilisedOptions['probe'] = (address, { signal }) => {
      if (address.includes('throws')) throw new Error('planted');
      if (address.includes('rejects')) return Promise.reject(new Error('planted'));
      most = Math.max(most, (open += 1));
      signal.addEventListener('abort', () => (open -= 1));
      return new Promise(() => {});
    };
    const { say, watching } = await opened({ probe });
    const silent = Array.from({ length: 40 }, (_, index) => `silent${index}`);
    await say('throws', 'rejects', ...silent);
    await say();
    expect(most).toBe(16);
    for (const ms of [2000, 2000, 2000, 5000, 2000, 2000, 2000]) await watching.after(ms);
    expect(watching.lists.at(-1)).toBe('');
    expect(open).toBe(0);
  });

  it('takes servers that said that they are inactive for retired, not for lost', async () => {
    const { say, watching } = await opened();
    await say('a', 'b', 'c');
    expect(await say('a', inactive('b'), inactive('c'))).toBe('a b c');
    expect(await say('a')).toBe('a');
    expect(watching.clock.armed.size).toBe(0);
    expect(await say('a', 'b', 'c', 'd', 'e')).toBe('a b c d e');
    expect(await say('a', inactive('b'), inactive('c'), inactive('d'))).toBe('a b c d e');
  });

  it('tells the failure of a source that has said nothing yet, and survives a later one', async () => {
    const early = await opened();
    const error = new Error('down');
    early.source.fail(error);
    await settle();
    expect(early.watching.ended).toBe(error);
    const { source, say, watching } = await opened();
    await say('a', 'b');
    source.fail();
    await settle();
    await watching.after(100);
    expect(await say()).toBe('a b');
    expect(source.watches).toBe(2);
    expect(watching).toMatchObject({ ended: 'no', lists: ['a b'] });
  });

  it('ends with its source, after the suspicion that it leaves', async () => {
    const { source, say, watching } = await opened();
    await say('a', 'b');
    await say();
    source.end();
    await settle();
    expect(watching.ended).toBe('no');
    await watching.after(60_000);
    expect(watching).toMatchObject({ ended: 'yes', lists: ['a b', ''] });
    const calm = await opened();
    await calm.say('a');
    calm.source.end();
    await settle();
    expect(calm.watching.ended).toBe('yes');
  });

  it('leaves source, timers and probes when the signal aborts', async () => {
    let aborted = 0;
    const { source, say, watching } = await opened({ probe: (_address, { signal }) => {
      signal.addEventListener('abort', () => (aborted += 1));
      return new Promise(() => {});
    } });
    await say('a', 'b');
    await say();
    watching.controller.abort();
    await settle();
    expect(watching.ended).toBe('yes');
    expect([aborted, source.stops, watching.clock.armed.size]).toEqual([2, 1, 0]);
  });

  it.each([
    [{ keepMs: 0 }, /keepMs is 0: it takes milliseconds above 0/], [{ keepMs: NaN }, /keepMs is NaN/], [{ keepMs: Infinity }, /give a probe, for example dialProbe/],
    [{ probeEveryMs: -1 }, /probeEveryMs is -1/], [{ probeTimeoutMs: '1' as never }, /probeTimeoutMs is "1"/], [{ probe: 5 as never }, /probe is 5: it takes a function, for example dialProbe/], [{ probe: null as never, keepMs: Infinity }, /probe is null/],
  ])('refuses %j', (options, message) => {
    expect(() => stabilised(new SpokenDiscovery(), options)).toThrow(message);
  });
});

describe('dialProbe', () => {
  it('opens a connection and drops it, and says no where nobody dials', async () => {
    const seen: string[] = [];
    const dialer: Dialer = {
      networks: ['tcp'],
      dial: ({ host }) => {
        if (host === 'b:1') return Promise.reject(new Error('refused'));
        return Promise.resolve({ abort: () => seen.push(`dropped ${host}`) } as unknown as Connection);
      },
    };
    const { runtime } = new Watching();
    const { signal } = new AbortController();
    const probe = dialProbe([dialer]);
    expect(await probe('tcp@a:1', { runtime, signal })).toBe(true);
    expect(await probe('udp@a:1', { runtime, signal })).toBe(false);
    await expect(probe('tcp@b:1', { runtime, signal })).rejects.toThrow('refused');
    expect(seen).toEqual(['dropped a:1']);
  });
});
