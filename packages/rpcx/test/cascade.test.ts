import { createClient } from '@rpcxjs/client';
import { createServer } from '@rpcxjs/server';
import { memoryNetwork } from '@rpcxjs/transport-memory';
import { describe, expect, it } from 'vitest';
import { deferred, failure } from './pair.ts';

/** A chain: the front asks the back within its handler, and waits for ever. */
async function chain() {
  const network = memoryNetwork();
  const backBegan = deferred();
  const backEnded = deferred<unknown>();
  const nested = deferred<unknown>();
  const back = createServer({ transports: [network] }).registerFunction('Back', 'Wait', async (_input: unknown, call) => {
    backBegan.resolve();
    await new Promise<void>((resolve) => call.signal.addEventListener('abort', () => resolve()));
    backEnded.resolve(call.signal.reason);
  });
  await back.listen('memory@back');
  const inner = createClient({ servers: 'memory@back', transports: [network] });
  const front = createServer({ transports: [network] })
    .registerFunction('Front', 'Ask', () => inner.call('Back', 'Wait', null).catch((error: unknown) => { nested.resolve(error); throw error; }))
    .registerFunction('Front', 'Start', () => { void inner.call('Back', 'Wait', null).catch(nested.resolve); return 'started'; });
  await front.listen('memory@front');
  const client = createClient({ servers: 'memory@front', transports: [network] });
  const close = async (): Promise<void> => {
    await Promise.all([client.close({ graceMs: 0 }), inner.close({ graceMs: 0 })]);
    await Promise.all([front.close({ graceMs: 0 }), back.close({ graceMs: 0 })]);
  };
  return { client, inner, backBegan, backEnded, nested, [Symbol.asyncDispose]: close };
}

describe('a call that a handler makes', () => {
  it('is cancelled on its server when the caller of the handler cancels', async () => {
    await using one = await chain();
    const controller = new AbortController();
    const asked = failure(one.client.call('Front', 'Ask', null, { signal: controller.signal }));
    await one.backBegan.promise;
    controller.abort();
    expect(await asked).toMatchObject({ code: 'canceled' });
    expect(await one.nested.promise).toMatchObject({ code: 'canceled', reason: 'ABORTED' });
    expect(await one.backEnded.promise).toMatchObject({ reason: 'ABORTED' });
  });

  it('that has no time left says so, whichever side looks at the clock first', async () => {
    await using one = await chain();
    // The handler at the back answers when its signal fires, which may be just in time.
    const outcomes = new Set<string>();
    for (let count = 0; count < 30; count++) {
      outcomes.add(await one.client.call('Front', 'Ask', null, { timeoutMs: 20 }).then(() => 'in time', ({ code }: { code: string }) => code));
    }
    expect([...outcomes].filter((outcome) => outcome !== 'in time')).toEqual(['deadline_exceeded']);
  });

  it('is cancelled when the caller of the handler is gone', async () => {
    await using one = await chain();
    const asked = failure(one.client.call('Front', 'Ask', null));
    await one.backBegan.promise;
    one.client.abort();
    expect(await asked).toMatchObject({ reason: 'CLOSED' });
    expect(await one.nested.promise).toMatchObject({ code: 'canceled' });
  });

  it('goes on when the handler has answered before', async () => {
    await using one = await chain();
    expect(await one.client.call('Front', 'Start', null)).toBe('started');
    await one.backBegan.promise;
    await one.client.close();
    expect(one.inner.stats().active).toBe(1);
  });
});
