import { createClient } from '@rpcxjs/client';
import type { CallOptions, Discovery, Selector, ServiceInstance } from '@rpcxjs/core';
import { createServer } from '@rpcxjs/server';
import { seededRandom } from '@rpcxjs/testing';
import { memoryNetwork } from '@rpcxjs/transport-memory';
import { describe, expect, it } from 'vitest';
import {
  closest, consistentHash, leastPending, powerOfTwo, random, roundRobin, sticky, userSelector, weightedByRoundTrip, weightedRoundRobin,
} from '../src/index.ts';
import { at, type Metadata } from './picking.ts';

/** Three servers behind one client; the answer of each is its name. */
async function three(selector: Selector, metadata: Readonly<Record<string, Metadata>> = {}) {
  const network = memoryNetwork();
  const servers = await Promise.all(['a', 'b', 'c'].map(async (name) => {
    const server = createServer({ transports: [network] });
    server.registerFunction('Where', 'am', () => name);
    await server.listen(`memory@${name}`);
    return server;
  }));
  const list = (...names: string[]): ServiceInstance[] => names.map((name) => at(name, metadata[name]));
  let change: (list: readonly ServiceInstance[]) => void = () => {};
  const discovery: Discovery = {
    async *watch(_service, { signal }) {
      let next: Promise<readonly ServiceInstance[]> = Promise.resolve(list('a', 'b', 'c'));
      while (signal?.aborted !== true) {
        yield await next;
        next = new Promise((resolve) => {
          change = resolve;
          signal?.addEventListener('abort', () => resolve([]));
        });
      }
    },
  };
  const client = createClient({ discovery, transports: [network], selector });
  const counts = async (total: number, options: (index: number) => CallOptions = () => ({})): Promise<Record<string, number>> => {
    const found: Record<string, number> = {};
    for (let index = 0; index < total; index++) {
      const name: string = await client.call('Where', 'am', index, options(index));
      found[name] = (found[name] ?? 0) + 1;
    }
    return found;
  };
  return {
    client, counts,
    change: (...names: string[]) => change(list(...names)),
    [Symbol.asyncDispose]: async () => {
      await client.close();
      await Promise.all(servers.map((server) => server.close({ graceMs: 0 })));
    },
  };
}

const weights = { a: { weight: '1' }, b: { weight: '2' }, c: { weight: '7' } };

describe('calls of a client go where its selector sends them', () => {
  it('random: everywhere', async () => {
    await using all = await three(random({ random: seededRandom(1) }));
    const found = await all.counts(300);
    for (const name of ['a', 'b', 'c']) expect(Math.abs((found[name] ?? 0) - 100)).toBeLessThan(30);
  });

  it('roundRobin: in turn, also when a server leaves', async () => {
    await using all = await three(roundRobin());
    expect(await all.counts(30)).toEqual({ a: 10, b: 10, c: 10 });
    all.change('a', 'c');
    await expect.poll(() => all.counts(4)).toEqual({ a: 2, c: 2 });
  });

  it('weightedRoundRobin: by weight', async () => {
    await using all = await three(weightedRoundRobin(), weights);
    expect(await all.counts(100)).toEqual({ a: 10, b: 20, c: 70 });
  });

  it('weightedByRoundTrip: by what was measured', async () => {
    const roundTrips: Record<string, number> = { a: 191, b: 181, c: 131 };
    await using all = await three(weightedByRoundTrip({ probe: async ({ address }) => roundTrips[address.slice(7)] ?? Infinity }));
    await all.counts(3);
    expect(await all.counts(100)).toEqual({ a: 10, b: 20, c: 70 });
  });

  it('consistentHash: by key', async () => {
    await using all = await three(consistentHash());
    const where = new Map<string, string>();
    for (let index = 0; index < 60; index++) {
      const hashKey = `customer ${index}`;
      const first: string = await all.client.call('Where', 'am', index, { hashKey });
      expect(await all.client.call('Where', 'am', -index, { hashKey })).toBe(first);
      where.set(hashKey, first);
    }
    expect(new Set(where.values()).size).toBe(3);
  });

  it('closest: nearby', async () => {
    await using all = await three(closest({ latitude: 1, longitude: 1 }), { b: { latitude: '2', longitude: '2' }, c: { latitude: '50', longitude: '2' } });
    expect(await all.counts(20)).toEqual({ b: 20 });
  });

  it('userSelector: as the function says', async () => {
    await using all = await three(userSelector(({ input }, instances) => instances[(input as number) % 2])); // counts() calls with numbers
    expect(await all.counts(20)).toEqual({ a: 10, b: 10 });
  });

  it('sticky: to one', async () => {
    await using all = await three(sticky(roundRobin()));
    expect(await all.counts(20)).toEqual({ a: 20 });
    all.change('b', 'c');
    await expect.poll(() => all.counts(4)).not.toHaveProperty('a');
  });

  it('leastPending: where the fewest wait', async () => {
    await using all = await three(leastPending(), weights);
    expect(await all.counts(100)).toEqual({ a: 10, b: 20, c: 70 });
    const names = await Promise.all(Array.from({ length: 100 }, () => all.client.call('Where', 'am', 0)));
    expect(names.filter((name) => name === 'c')).toHaveLength(70);
  });

  it('powerOfTwo: everywhere while all are alike', async () => {
    await using all = await three(powerOfTwo({ random: seededRandom(2), now: () => 0 }));
    const names = (await Promise.all(Array.from({ length: 300 }, () => all.client.call('Where', 'am', 0)))) as string[]; // as the servers answer
    for (const name of ['a', 'b', 'c']) expect(Math.abs(names.filter((one) => one === name).length - 100)).toBeLessThan(15);
  });
});
