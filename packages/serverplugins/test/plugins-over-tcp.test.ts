import { RpcError } from '@rpcxjs/core';
import { failfast } from '@rpcxjs/client';
import { describe, expect, it, vi } from 'vitest';
import { alias } from '../src/alias.ts';
import { blacklist } from '../src/blacklist.ts';
import { rateLimitConnections } from '../src/rate-limit-connections.ts';
import { rateLimitRequests } from '../src/rate-limit-requests.ts';
import { whitelist } from '../src/whitelist.ts';
import { request, said, served } from './tcp-server.ts';

const product = { A: 6, B: 7 };

async function failure(call: Promise<unknown>): Promise<RpcError> {
  try {
    await call;
  } catch (error) {
    if (RpcError.is(error)) return error;
    throw error;
  }
  throw new Error('the call should have failed');
}

describe('whitelist and blacklist over TCP', () => {
  it('let in who may, and close on others before a byte is read; a change counts from the next connection on', async () => {
    const list = whitelist(['127.0.0.0/8']);
    await using rig = await served([list]);
    const first = rig.client();
    expect(await first.call('Arith', 'Mul', product)).toEqual({ C: 42 });
    list.delete('127.0.0.0/8');
    const refused = await failure(rig.client({ failMode: failfast() }).call('Arith', 'Mul', product));
    expect(refused).toMatchObject({ code: 'unavailable', reason: 'CONNECT_FAILED' });
    expect(await first.call('Arith', 'Mul', product)).toEqual({ C: 42 });
    expect(rig.server.stats()).toMatchObject({ connectionsAccepted: 1, connections: 1 });
    expect([...rig.server.peers()].filter(({ remote }) => !list.accepts(remote))).toHaveLength(1);
    list.add('127.0.0.1');
    expect(await rig.client().call('Arith', 'Mul', product)).toEqual({ C: 42 });
  });

  it('refuse in the order of the plugins, the first refusal being the last word', async () => {
    const asked: string[] = [];
    const watching = { name: 'watching', acceptConnection: (connection: never) => (asked.push('asked'), connection) };
    await using rig = await served([blacklist(['127.0.0.1']), watching]);
    expect(await said(await rig.raw())).toBe('');
    expect(asked).toEqual([]);
    expect(rig.server.stats()).toMatchObject({ connectionsAccepted: 0, connectionsRefused: 1 });
  });

  it('survive ten thousand entries and a peer that writes megabytes before it is refused', async () => {
    const list = blacklist(Array.from({ length: 10_000 }, (_, index) => `10.${index >> 8}.${index & 255}.0/24`));
    await using rig = await served([list]);
    expect(await rig.client().call('Arith', 'Mul', product)).toEqual({ C: 42 });
    list.add('127.0.0.1');
    const socket = await rig.raw();
    const over = said(socket);
    socket.write(Buffer.alloc(4 * 1024 * 1024, 8));
    expect(await over).toBe('');
    expect(rig.server.stats()).toMatchObject({ connectionsRefused: 1, protocolErrors: 0 });
  });
});

describe('alias over TCP', () => {
  it('leads to a method under names that nobody registered, also when the service is there', async () => {
    await using rig = await served([alias({ 'a.b/Times': 'Arith/Mul', 'Arith/Times': 'Arith/Mul', arith: 'Arith' })]);
    const client = rig.client();
    for (const [service, method] of [['a.b', 'Times'], ['Arith', 'Times'], ['arith', 'Mul'], ['Arith', 'Mul']] as const) {
      expect(await client.call(service, method, product)).toEqual({ C: 42 });
    }
  });

  it('gives the usual error when the target is not there', async () => {
    await using rig = await served([alias({ 'a/b': 'Nobody/There', 'a/c': 'Arith/Nothing' })]);
    const client = rig.client();
    expect(await failure(client.call('a', 'b', product))).toMatchObject({ code: 'unimplemented', reason: 'UNKNOWN_SERVICE', message: "rpcx: can't find service Nobody" });
    expect(await failure(client.call('a', 'c', product))).toMatchObject({ code: 'unimplemented', reason: 'UNKNOWN_METHOD' });
    expect(await failure(client.call('a', 'd', product))).toMatchObject({ reason: 'UNKNOWN_SERVICE', message: "rpcx: can't find service a" });
  });

  it('comes before what guards the service that is meant', async () => {
    await using rig = await served([alias({ 'open/Door': 'Vault/Open' })]);
    rig.server.register('Vault', { Open: () => 'gold' }, { methods: ['Open'], intercept: [() => () => { throw new RpcError('permission_denied', 'not you'); }] });
    expect(await failure(rig.client().call('open', 'Door', {}))).toMatchObject({ code: 'permission_denied' });
  });
});

describe('rateLimitConnections over TCP', () => {
  it('closes what comes faster than it may, and a client gets in later by itself', async () => {
    await using rig = await served([rateLimitConnections({ perSecond: 20, burst: 2 })]);
    const crowd = await Promise.all(Array.from({ length: 30 }, () => rig.raw()));
    await vi.waitFor(() => expect(rig.server.stats().connectionsRefused).toBeGreaterThan(20));
    expect(rig.server.stats().connections).toBeLessThan(10);
    // It may be let in and cut again, when its call has left already.
    const { Mul } = rig.client().service<{ Mul(input: typeof product): { C: number } }>('Arith', { idempotent: ['Mul'] });
    expect(await Mul(product, { waitForReady: true })).toEqual({ C: 42 });
    expect(crowd).toHaveLength(30);
  });
});

describe('rateLimitRequests over TCP', () => {
  it('refuses before decoding with the time to wait, which fail modes keep: also a call that is not idempotent gets through', async () => {
    await using rig = await served([rateLimitRequests({ perSecond: 20, burst: 1 })]);
    const hasty = rig.client({ failMode: failfast() });
    expect(await hasty.call('Arith', 'Mul', product)).toEqual({ C: 42 });
    const refused = await failure(hasty.call('Arith', 'Mul', product));
    expect(refused).toMatchObject({ code: 'resource_exhausted', reason: 'RATE_LIMITED', remote: true });
    expect(refused.retryAfterMs).toBeGreaterThan(0);
    const patient = rig.client();
    expect(await patient.call('Arith', 'Mul', product)).toEqual({ C: 42 });
    expect(await patient.call('Arith', 'Mul', product)).toEqual({ C: 42 });
    expect(patient.stats().retries).toBeGreaterThan(0);
  });

  it('does not look at a payload of a call that it refuses, and tells a peer like Go by text', async () => {
    await using rig = await served([rateLimitRequests({ perSecond: 0.01, burst: 1 })]);
    const socket = await rig.raw();
    const junk = Buffer.from('{{{ no JSON');
    socket.write(Buffer.concat([request('Arith', 'Mul', junk, 1), request('Arith', 'Mul', junk, 2)]));
    const replies = await said(socket, 'request reached rate limit');
    expect(replies.match(/__rpcx_error__/g)).toHaveLength(2);
    expect(replies).not.toContain('_rpcxjs');
  });

  it('keeps its memory when one peer calls twenty thousand methods', async () => {
    const keys = new Set<string>();
    const limit = rateLimitRequests({ perSecond: 1, burst: 1, maxBuckets: 10, key: ({ service, method }) => (keys.add(method), `${service}/${method}`) });
    await using rig = await served([limit]);
    const socket = await rig.raw();
    const empty = Buffer.from('{}');
    const replies = said(socket, "can't find method M19999");
    for (let index = 0; index < 20_000; index++) socket.write(request('Arith', `M${index}`, empty, index + 1));
    await replies;
    expect(keys.size).toBe(20_000);
    // The latest ten are still known, and limited.
    const again = said(socket, 'request reached rate limit');
    socket.write(request('Arith', 'M19999', empty, 1));
    expect(await again).toContain('request reached rate limit');
  });

  it('limits a method although its caller asks for others meanwhile that nobody has, more than are counted', async () => {
    await using rig = await served([rateLimitRequests({ perSecond: 0.01, burst: 1, per: 'method', maxBuckets: 100 })]);
    const socket = await rig.raw();
    const empty = Buffer.from('{}');
    const replies = said(socket, "can't find method M999");
    socket.write(request('Arith', 'Mul', empty, 1));
    for (let index = 0; index < 1000; index++) socket.write(request('Arith', `M${index}`, empty, index + 2));
    await replies;
    const again = said(socket, 'Arith');
    socket.write(request('Arith', 'Mul', empty, 5000));
    expect(await again).toContain('request reached rate limit');
  });

  it('lets other peers be when it counts each one', async () => {
    await using rig = await served([rateLimitRequests({ perSecond: 0.01, burst: 5, per: 'peer' })]);
    const [greedy, modest] = [rig.client({ failMode: failfast() }), rig.client()];
    const outcomes = await Promise.allSettled(Array.from({ length: 20 }, () => greedy.call('Arith', 'Mul', product)));
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(5);
    expect(await modest.call('Arith', 'Mul', product)).toEqual({ C: 42 });
  });
});
