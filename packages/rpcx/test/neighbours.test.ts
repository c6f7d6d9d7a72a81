import { manualClock } from '@rpcxjs/testing';
import { describe, expect, it } from 'vitest';
import { contract, createClient, unary, type MethodRef, type RawMessage } from '../src/index.ts';
import { deferred, failure, pair, type Pair } from './pair.ts';

interface Neighbours {
  readonly both: Pair;
  /** Lets the call go that was there before. */
  readonly finish: () => void;
  readonly waiting: Promise<unknown>;
}

/** A pair with a call that waits. */
async function neighbours(): Promise<Neighbours> {
  const door = deferred();
  const begun = deferred();
  const both = await pair((server) => server.registerFunction('Slow', 'Down', async () => { begun.resolve(); await door.promise; return 'done'; }).registerFunction('Echo', 'It', (input: unknown) => input));
  const waiting = both.client.call('Slow', 'Down', null);
  await begun.promise;
  return { both, waiting, finish: () => door.resolve() };
}

describe('a call that cannot be made harms no other', () => {
  it.each([
    ['metadata above what a server takes', { trace: 'x'.repeat(17_000) }],
    ['more pairs of metadata than a server takes', Object.fromEntries(Array.from({ length: 129 }, (_, index) => [`k${index}`, '']))],
  ])('with %s', async (_name, metadata) => {
    const { both, waiting, finish } = await neighbours();
    await using _ = both;
    expect(await failure(both.client.call('Echo', 'It', 1, { metadata }))).toMatchObject({ code: 'resource_exhausted', reason: 'TOO_LARGE', sent: false });
    finish();
    expect(await waiting).toBe('done');
    expect(both.client.stats().connections).toBe(1);
  });

  it.each([['S'.repeat(256), 'M'], ['S', 'M'.repeat(256)], ['é'.repeat(128), 'M']])('with a name above 255 bytes', async (service, method) => {
    const { both, waiting, finish } = await neighbours();
    await using _ = both;
    expect(await failure(both.client.call(service, method, 1))).toMatchObject({ code: 'invalid_argument', reason: 'TOO_LARGE', sent: false });
    expect(await failure(both.client.call('S'.repeat(255), 'M', 1))).toMatchObject({ reason: 'UNKNOWN_SERVICE' });
    finish();
    expect(await waiting).toBe('done');
  });

  it('with a reserved name: nobody can forge control messages', async () => {
    const { both, waiting, finish } = await neighbours();
    await using _ = both;
    expect(() => contract('_rpcxjs', { Any: unary() })).toThrow('_rpcxjs');
    const forged: MethodRef<'unary', null> = { ...contract('S', { M: unary<null, void>() }).methods.M, service: '_rpcxjs', name: 'cancel.1' };
    const message: RawMessage = { service: '_rpcxjs', method: 'cancel.1', metadata: {}, payload: new Uint8Array(0), codecId: 0, compressorId: 0, oneway: true, error: false };
    const refused = { code: 'invalid_argument', reason: 'RESERVED_NAME', sent: false };
    expect(await failure(both.client.raw(message))).toMatchObject(refused);
    expect(await failure(both.client.oneway(forged, null))).toMatchObject(refused);
    expect(await failure(both.client.call('_rpcxjs', 'cancel.1', null))).toMatchObject(refused);
    expect(await failure(both.client.service<{ Any(): Promise<void> }>('_rpcxjs').Any())).toMatchObject(refused);
    finish();
    expect(await waiting).toBe('done');
  });

  it('because it is over: it does not keep others out of the queue', async () => {
    const clock = manualClock();
    const client = createClient({ servers: 'memory@slow', clock, transports: [{ networks: ['memory'], dial: () => new Promise<never>(() => {}) }], limits: { maxQueuedCalls: 2 } });
    const over = [failure(client.call('Echo', 'It', 1, { timeoutMs: 30 })), failure(client.call('Echo', 'It', 2, { timeoutMs: 30 }))];
    expect(client.stats().queued).toBe(2);
    await clock.advanceAsync(50);
    for (const error of await Promise.all(over)) expect(error).toMatchObject({ reason: 'TIMEOUT', sent: false });
    const third = failure(client.call('Echo', 'It', 3, { timeoutMs: 20 }));
    expect(client.stats().queued).toBe(1);
    await clock.advanceAsync(50);
    expect(await third).toMatchObject({ reason: 'TIMEOUT' });
    client.abort();
  });
});
