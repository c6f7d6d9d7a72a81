import { afterEach, describe, expect, it } from 'vitest';
import { type Client } from '@rpcxjs/client';
import { unary, contract, type ServiceInstance } from '@rpcxjs/core';
import { instanceList } from '@rpcxjs/core/discoveries';
import { createServer, type Server } from '@rpcxjs/server';
import { consistentHash, roundRobin, weightedRoundRobin } from '@rpcxjs/selectors';
import { tcp } from '@rpcxjs/transport-tcp';
import { codecs } from '../typescript-server.ts';
import { clientOf } from './calls-of-work.ts';

const Shop = contract('Shop', { Sell: unary<number, string>() });
const calls = 100_000;
const servers: Server[] = [];

afterEach(async () => { await Promise.all(servers.splice(0).map((server) => server.close())); });

/** Servers that answer with their address; they are listed with these weights. */
async function shops(weights: readonly number[]): Promise<ServiceInstance[]> {
  return Promise.all(weights.map(async (weight) => {
    const server = createServer({ transports: [tcp()], codecs });
    servers.push(server);
    let own = '';
    server.register(Shop, { Sell: () => own });
    [own = ''] = await server.listen('tcp@127.0.0.1:0');
    return { address: own, metadata: { weight: String(weight) } };
  }));
}

/** Who answered each call, in the order of the calls. */
async function sell(client: Client, count: number, keyOf?: (n: number) => string): Promise<string[]> {
  const { Sell } = client.service(Shop);
  const answers: string[] = [];
  for (let from = 0; from < count; from += 1000) {
    const part = Array.from({ length: Math.min(1000, count - from) }, (_, n) => Sell(from + n, keyOf === undefined ? {} : { hashKey: keyOf(from + n) }));
    answers.push(...(await Promise.all(part)));
  }
  return answers;
}

function sharesOf(answers: readonly string[], instances: readonly ServiceInstance[]): number[] {
  return instances.map(({ address }) => answers.filter((from) => from === address).length / answers.length);
}

function expectShares(answers: readonly string[], instances: readonly ServiceInstance[], wanted: readonly number[]): void {
  const shares = sharesOf(answers, instances);
  expect(shares.every((share, n) => Math.abs(share - (wanted[n] ?? 0)) <= 0.02), `${shares.join(', ')} for ${wanted.join(', ')}`).toBe(true);
}

describe('D11: who gets how many of 100 000 calls', () => {
  it('D11: by weights 1:2:7, also when a server comes and one goes', { timeout: 60_000 }, async () => {
    const instances = await shops([1, 2, 7, 10]);
    const list = instanceList(instances.slice(0, 3));
    await using client = clientOf({ discovery: list, selector: weightedRoundRobin() });
    expectShares(await sell(client, calls), instances, [0.1, 0.2, 0.7, 0]);
    list.update(instances);
    await sell(client, 100);
    expectShares(await sell(client, 20_000), instances, [0.05, 0.1, 0.35, 0.5]);
    list.update(instances.slice(1));
    await sell(client, 100);
    expectShares(await sell(client, 19_000), instances, [0, 2 / 19, 7 / 19, 10 / 19]);
  });

  it('D11: in turn, evenly', { timeout: 60_000 }, async () => {
    const instances = await shops([1, 1, 1]);
    await using client = clientOf({ discovery: instanceList(instances), selector: roundRobin() });
    expectShares(await sell(client, 30_000), instances, [1 / 3, 1 / 3, 1 / 3]);
  });

  it('D11: by hash, and a server that goes moves no more than its share of the keys and 5 %', { timeout: 60_000 }, async () => {
    const instances = await shops([1, 1, 1, 1, 1]);
    const list = instanceList(instances);
    await using client = clientOf({ discovery: list, selector: consistentHash() });
    const keyOf = (n: number): string => `customer ${n}`;
    const before = await sell(client, 20_000, keyOf);
    expect(Math.min(...sharesOf(before, instances)), 'the keys are spread').toBeGreaterThan(0.1);
    list.update(instances.slice(0, 4));
    await sell(client, 100, keyOf);
    const after = await sell(client, 20_000, keyOf);
    const moved = before.filter((from, n) => from !== after[n]).length / before.length;
    expect(moved).toBeLessThanOrEqual(1 / 5 + 0.05);
    list.update(instances);
    await sell(client, 100, keyOf);
    expect(await sell(client, 20_000, keyOf), 'when it comes back, so do its keys').toEqual(before);
  });
});
