import type { Connection, Dialer } from '@rpcxjs/core';
import { manualClock } from '@rpcxjs/testing';
import { describe, expect, it } from 'vitest';
import type { ClientOptions } from '../src/client-options.ts';
import { rig, settled, until, type Rig } from './fake-server.ts';

/** A client whose writes are counted. */
async function counted(options: Partial<ClientOptions>): Promise<Rig & { readonly clock: ReturnType<typeof manualClock>; readonly writes: number[] }> {
  const clock = manualClock();
  const writes: number[] = [];
  const note = (connection: Connection): Connection => {
    const write = connection.write.bind(connection);
    connection.write = (chunk) => {
      writes.push(chunk.length);
      return write(chunk);
    };
    return connection;
  };
  const one = await rig({ clock, ...options, plugins: [{ name: 'count', connectionOpened: note }] });
  one.server.onCall = (call) => one.server.reply(call);
  return { ...one, clock, writes };
}
const calls = (one: Rig, count: number, input: unknown = 1): Promise<unknown>[] => Array.from({ length: count }, () => one.client.call('S', 'M', input));

describe('what a client writes', () => {
  it('G06: leaves in 20 pieces at most for 1000 calls of one turn', async () => {
    await using one = await counted({});
    await one.client.ready();
    await settled();
    const before = one.writes.length;
    await Promise.all(calls(one, 1000));
    expect(one.writes.length - before).toBeLessThanOrEqual(20);
    expect(one.client.stats().traffic.chunksWritten).toBe(one.writes.length);
  });

  it('G06: leaves call by call with delayMs 0', async () => {
    await using one = await counted({ flush: { delayMs: 0 } });
    await one.client.ready();
    await Promise.all(calls(one, 1000));
    expect(one.writes.length).toBeGreaterThanOrEqual(1000);
  });

  it('G06: leaves 20 ms later with delayMs 20', async () => {
    await using one = await counted({ flush: { delayMs: 20 } });
    await one.client.ready();
    const all = calls(one, 10);
    await one.clock.advanceAsync(19);
    expect(one.writes).toEqual([]);
    await one.clock.advanceAsync(1);
    await Promise.all(all);
    expect(one.writes.length).toBe(1);
  });

  it('G07: leaves at once when 64 KiB are full, whatever the delay', async () => {
    await using one = await counted({ flush: { delayMs: 10_000 }, timeoutMs: Infinity });
    await one.client.ready();
    const all = calls(one, 20, 'x'.repeat(10_000));
    await settled();
    const sum = one.writes.reduce((total, bytes) => total + bytes, 0);
    // 64 KiB and the call that made them full, twice.
    expect(sum).toBeGreaterThan(2 * 64 * 1024);
    expect(sum).toBeLessThan(200_000);
    await one.clock.advanceAsync(10_000);
    await Promise.all(all);
    await until(() => one.client.stats().active === 0);
  });

  it('M18: leaves in 8 pieces when 64 calls wait and 8 may leave together', async () => {
    await using one = await counted({ flush: { maxMessages: 8 } });
    await one.client.ready();
    await settled();
    const before = one.writes.length;
    await Promise.all(calls(one, 64));
    expect(one.writes.length - before).toBe(8);
  });
});

describe('connections of any make', () => {
  it('G26: a transport of one\'s own is dialled by its network', async () => {
    await using one = await rig();
    one.server.onCall = (call) => one.server.reply(call);
    const mine: Dialer = { networks: ['mine'], dial: (address, options) => one.server.network.dial({ network: 'memory', host: address.host }, options) };
    await using other = await rig({ servers: 'mine@fake', transports: [mine] });
    expect(await other.client.call('S', 'M', 1)).toBe('ok');
    expect(one.server.connections.length).toBe(1);
  });
});
