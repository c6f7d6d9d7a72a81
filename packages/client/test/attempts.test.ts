import type { FailMode } from '@rpcxjs/core';
import { manualClock } from '@rpcxjs/testing';
import { describe, expect, it } from 'vitest';
import { failure, rig, settled, until, type Rig } from './fake-server.ts';

const busy = (more: object = {}): Record<string, string> => ({ '_rpcxjs-error': JSON.stringify({ code: 'unavailable', reason: 'OVERLOADED', unrun: true, ...more }) });

/** A client that has agreed with its server. */
async function agreed(failMode: FailMode, clock = manualClock()): Promise<Rig & { readonly clock: typeof clock }> {
  const one = await rig({ failMode, clock });
  one.server.greets = 'agree';
  one.server.onCall = (call) => one.server.reply(call);
  await one.client.call('S', 'Warm', 0);
  one.server.onCall = undefined;
  one.server.received.length = 0;
  return { ...one, [Symbol.asyncDispose]: () => one[Symbol.asyncDispose](), clock };
}

describe('an attempt', () => {
  it('that the server refused may be made again, with what is left of the time', async () => {
    await using one = await agreed({ name: 'again', next: ({ retryable }) => (retryable ? { again: 'same', afterMs: 300 } : 'give-up') });
    const call = one.client.call('S', 'M', 1, { timeoutMs: 1000 });
    one.server.fail(await one.server.call(0), 'busy', busy());
    await until(() => one.client.stats().retries === 1);
    await one.clock.advanceAsync(299);
    expect(one.server.received).toHaveLength(1);
    await one.clock.advanceAsync(1);
    one.server.reply(await one.server.call(1));
    expect(await call).toBe('ok');
    expect(one.server.received.map(({ metadata }) => metadata['__ServerTimeout'])).toEqual(['1000', '700']);
  });

  it('is told to the fail mode with its error, its number and whether it may be repeated', async () => {
    const told: unknown[] = [];
    await using one = await agreed({ name: 'note', next: ({ error, attempt, retryable }, call) => { told.push([error.code, attempt, retryable, call.method]); return told.length < 3 ? { again: 'same', afterMs: 0 } : 'give-up'; } });
    one.server.onCall = (call) => one.server.fail(call, 'no', one.server.received.length < 3 ? busy() : {});
    const error = failure(one.client.call('S', 'M', 1));
    for (let step = 0; step < 5; step++) await one.clock.advanceAsync(1);
    expect(await error).toMatchObject({ code: 'unknown', message: 'no (after 3 attempts)' });
    expect(told).toEqual([['unavailable', 1, true, 'M'], ['unavailable', 2, true, 'M'], ['unknown', 3, false, 'M']]);
  });

  it('with jitter waits for less than was asked together', async () => {
    await using one = await agreed({ name: 'jitter', next: ({ attempt }) => (attempt === 1 ? { again: 'same', afterMs: 100, jitterMs: 100 } : 'give-up') });
    one.server.onCall = (call) => one.server.fail(call, 'busy', busy());
    const error = failure(one.client.call('S', 'M', 1));
    await one.clock.advanceAsync(100);
    expect(one.server.received).toHaveLength(1);
    await one.clock.advanceAsync(100);
    expect(await error).toMatchObject({ reason: 'OVERLOADED' });
  });

  it('that could only come after the deadline is not waited for: the failure is the answer', async () => {
    await using one = await agreed({ name: 'patient', next: () => ({ again: 'same', afterMs: 60_000 }) });
    const error = failure(one.client.call('S', 'M', 1, { timeoutMs: 500 }));
    one.server.fail(await one.server.call(0), 'busy', busy({ retryAfterMs: 10 }));
    expect(await error).toMatchObject({ reason: 'OVERLOADED', retryAfterMs: 10 });
    expect(one.client.stats()).toMatchObject({ active: 0, retries: 0 });
    await settled();
    expect(one.server.received).toHaveLength(1);
  });

  it('of a raw message is the only one, and its error status is its reply', async () => {
    await using one = await agreed({ name: 'always', next: () => ({ again: 'same', afterMs: 0 }) });
    one.server.onCall = (call) => one.server.fail(call, 'busy', busy());
    const message = { service: 'S', method: 'M', metadata: { a: 'b' }, payload: Uint8Array.of(1), codecId: 3, compressorId: 0, oneway: false, error: false };
    expect(await one.client.raw(message)).toMatchObject({ error: true, metadata: { __rpcx_error__: 'busy' } });
    one.server.onCall = () => one.server.network.links[0]?.cut();
    expect(await failure(one.client.raw(message))).toMatchObject({ reason: 'CONNECTION_LOST' });
    expect(one.server.received).toHaveLength(2);
  });

  it('of a one-way call is over when its bytes are written; what the server says is late', async () => {
    await using one = await agreed({ name: 'always', next: () => ({ again: 'same', afterMs: 0 }) });
    await one.client.oneway({ kind: 'unary', service: 'S', name: 'M' } as never, 1);
    one.server.fail(await one.server.call(0), 'busy', busy());
    await until(() => one.client.stats().lateReplies === 1);
    expect(one.client.stats()).toMatchObject({ retries: 0, active: 0, succeeded: 2 });
  });
});

it('on the same server, if the fail mode wants that, goes there with a selector as well', async () => {
  const picks: string[] = [];
  const address = (index: number): string => `memory@${index === 0 ? 'nobody' : 'fake'}`;
  const attempts: unknown[] = [];
  await using one = await rig({
    failMode: { name: 'same', next: ({ error, attempt }) => { attempts.push(error.address); return attempt < 3 ? { again: 'same', afterMs: 0 } : 'give-up'; } },
    servers: [address(0), address(1)],
    selector: { name: 's', build: () => ({ pick: () => { picks.push(address(picks.length)); return { instance: { address: address(picks.length - 1), metadata: {} } }; } }) },
  });
  expect(await failure(one.client.call('S', 'M', 1))).toMatchObject({ reason: 'CONNECT_FAILED' });
  expect([picks, attempts]).toEqual([['memory@nobody'], ['memory@nobody', 'memory@nobody', 'memory@nobody']]);
});

describe('C9: a client by interface', () => {
  it('may be awaited, printed and listed without a word to the server', async () => {
    await using one = await rig();
    const service = one.client.service<{ Get(): Promise<string> }>('S');
    // oxlint-disable-next-line typescript/await-thenable -- that it is none is the point
    expect(await service).toBe(service);
    expect([JSON.stringify({ service }), `${String(service)}`, Object.keys(service).length]).toEqual(['{"service":{}}', '[object Object]', 0]);
    await settled();
    expect(one.server.connections).toEqual([]);
    one.server.onCall = (call) => one.server.reply(call);
    expect(await service.Get()).toBe('ok');
  });
});
