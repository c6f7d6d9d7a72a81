import type { Connection } from '../src/index.ts';
import { manualClock } from '@rpcxjs/testing';
import { describe, expect, it } from 'vitest';
import { failure, pair } from './pair.ts';

/** A connection whose bytes are scrambled on the wire. */
function scrambled(connection: Connection): Connection {
  const turn = (bytes: Uint8Array): Uint8Array => bytes.map((byte) => byte ^ 0x5a);
  return {
    local: connection.local,
    remote: connection.remote,
    get bufferedBytes() {
      return connection.bufferedBytes;
    },
    start: (sink) => connection.start({ data: (chunk) => sink.data(turn(chunk)), drain: () => sink.drain(), closed: (reason) => sink.closed(reason) }),
    write: (chunk) => connection.write(turn(chunk)),
    pause: () => connection.pause(),
    resume: () => connection.resume(),
    close: () => connection.close(),
    abort: (reason) => connection.abort(reason),
  };
}

describe('G25: hooks of a new connection', () => {
  it('wrap it on both sides', async () => {
    const echo = (input: unknown): unknown => input;
    const client = { plugins: [{ name: 'scramble', connectionOpened: scrambled }] };
    await using both = await pair((server) => server.registerFunction('S', 'Echo', echo), { client, server: { plugins: [{ name: 'scramble', acceptConnection: scrambled }] } });
    expect(await both.client.call('S', 'Echo', { a: [1, 'two'] })).toEqual({ a: [1, 'two'] });
  });

  it('refuse it, whereupon the client tries again no more than 5 times in 300 ms, however many calls it has', async () => {
    const clock = manualClock();
    let asked = 0;
    const refuse = { name: 'refuse', acceptConnection: () => { asked += 1; return undefined; } };
    await using both = await pair((server) => server.registerFunction('S', 'Echo', () => 1), { client: { clock, timeoutMs: 250, health: false }, server: { plugins: [refuse] } });
    const errors: Promise<{ readonly code?: string }>[] = [];
    for (let now = 0; now < 300; now += 10) {
      errors.push(failure(both.client.call('S', 'Echo', 1, { waitForReady: true })));
      await clock.advanceAsync(10);
    }
    expect(asked).toBeGreaterThan(0);
    expect(asked).toBeLessThanOrEqual(5);
    await clock.advanceAsync(1000);
    for (const { code } of await Promise.all(errors)) expect(['unavailable', 'deadline_exceeded']).toContain(code);
  });
});
