import { bytesCodec, type Codec } from '@rpcxjs/core';
import { flag } from '@rpcxjs/protocol';
import { manualClock, type ManualClock } from '@rpcxjs/testing';
import { memoryNetwork } from '@rpcxjs/transport-memory';
import { describe, expect, it } from 'vitest';
import { createClient, type Client } from '../src/client.ts';
import type { ClientOptions } from '../src/client-options.ts';
import { failfast } from '../src/fail-modes/failfast.ts';
import { failure, FakeServer, recordingLogger, settled, until } from './fake-server.ts';

const size = 64 * 1024;
const input = new Uint8Array(size);

interface Deaf extends AsyncDisposable {
  readonly clock: ManualClock;
  readonly server: FakeServer;
  readonly client: Client;
  /** Calls that were encoded. */
  readonly encoded: () => number;
}

/** A server that accepts connections and then reads nothing. */
async function deaf(options: Partial<ClientOptions> = {}): Promise<Deaf> {
  const clock = manualClock();
  const server = await FakeServer.listen(memoryNetwork(), 'fake', clock);
  let encoded = 0;
  const counting: Codec = { ...bytesCodec, encode: (value, writer) => { encoded += 1; bytesCodec.encode(value, writer); }, decode: (...source) => bytesCodec.decode(...source) };
  const client = createClient({ servers: server.address, transports: [server.network], codecs: [counting], clock, logger: recordingLogger(), failMode: failfast(), ...options });
  const warm = client.call('S', 'Warm', input.subarray(0, 1));
  server.reply(await server.call(0), { codecId: 0, payload: '' });
  await warm;
  encoded = 0;
  server.connection.pause();
  const end = async (): Promise<void> => {
    client.abort();
    server.connection.abort();
    await client.close();
  };
  return { clock, server, client, encoded: () => encoded, [Symbol.asyncDispose]: end };
}

describe('a server that reads nothing', () => {
  it('gets a mebibyte; other calls wait unencoded, and all of them end by their deadline', async () => {
    await using one = await deaf();
    const calls = Array.from({ length: 20_000 }, () => failure(one.client.call('S', 'M', input, { timeoutMs: 1000 })));
    await settled();
    // What the network took, a mebibyte that it did not take, and the frame that went above it.
    const most = Math.ceil((64 * 1024 + 1024 * 1024) / size) + 2;
    expect(one.encoded()).toBeLessThanOrEqual(most);
    expect(one.client.stats()).toMatchObject({ active: 20_000, queued: 20_000 - one.encoded() });
    expect(one.client.stats().traffic.bytesWritten).toBeLessThan((most + 1) * size);
    await one.clock.advanceAsync(1010);
    const errors = await Promise.all(calls);
    expect(new Set(errors.map(({ reason }) => reason))).toEqual(new Set(['TIMEOUT']));
    expect(errors.filter(({ sent }) => sent === true)).toHaveLength(one.encoded());
    expect(one.encoded()).toBeLessThanOrEqual(most);
    expect(one.client.stats()).toMatchObject({ active: 0, queued: 0, connections: 1 });
  });

  it('gets no more of what waited for the connection', async () => {
    const server = await FakeServer.listen();
    server.deaf = true;
    let encoded = 0;
    const counting: Codec = { ...bytesCodec, encode: (value, writer) => { encoded += 1; bytesCodec.encode(value, writer); } };
    const client = createClient({ servers: server.address, transports: [server.network], codecs: [counting], logger: recordingLogger() });
    const calls = Array.from({ length: 1000 }, () => failure(client.call('S', 'M', input)));
    await until(() => encoded > 0);
    await settled();
    expect(encoded).toBeLessThan(25);
    client.abort();
    server.connection.abort();
    expect(new Set((await Promise.all(calls)).map(({ reason }) => reason))).toEqual(new Set(['CLOSED']));
  });

  it('gets the rest, in order, when it reads again', async () => {
    await using one = await deaf();
    one.server.onCall = (call) => one.server.reply(call, { codecId: 0, payload: call.payload.subarray(0, 2) });
    const calls = Array.from({ length: 100 }, (_, index) => one.client.call<Uint8Array>('S', 'M', Uint8Array.of(index, ...input.subarray(1))));
    await settled();
    expect(one.client.stats().queued).toBeGreaterThan(50);
    one.server.connection.resume();
    expect((await Promise.all(calls)).map((bytes) => bytes[0])).toEqual(Array.from({ length: 100 }, (_, index) => index));
    expect(one.server.received.slice(1).map(({ payload }) => payload[0])).toEqual(Array.from({ length: 100 }, (_, index) => index));
    expect(one.client.stats().queued).toBe(0);
  });

  it('and says nothing is given up after 5 s: what was sent is lost, what waited goes to a new connection', async () => {
    await using one = await deaf({ timeoutMs: Infinity });
    const calls = Array.from({ length: 40 }, () => one.client.call('S', 'M', input).then(() => 'answered', ({ reason }: { reason: string }) => reason));
    await settled();
    const sent = one.encoded();
    one.server.onCall = (call, connection) => { if (connection === one.server.connection) one.server.reply(call, { codecId: 0, payload: '' }); };
    await one.clock.advanceAsync(5100);
    // It lasted long: other clients may have lost theirs as well, so that each comes back at a time of its own.
    await one.clock.advanceAsync(1500);
    const ends = await Promise.all(calls);
    expect(ends.filter((end) => end === 'PEER_SILENT')).toHaveLength(sent);
    expect(ends.filter((end) => end === 'answered')).toHaveLength(40 - sent);
    expect(one.server.connections).toHaveLength(2);
  });

  it('but talks is given up 10 s after it stopped reading', async () => {
    await using one = await deaf({ timeoutMs: Infinity });
    const calls = Array.from({ length: 20 }, () => failure(one.client.call('S', 'M', input)));
    await settled();
    const sent = one.encoded();
    expect(sent).toBeLessThan(20);
    one.server.network.change({ refuse: true });
    const talk = async (ms: number): Promise<void> => {
      for (let left = ms; left > 0; left -= 500) {
        one.server.send({ service: 'Feed', method: 'Item', flags: flag.oneway });
        await one.clock.advanceAsync(500);
      }
    };
    await talk(9500);
    expect(one.client.stats()).toMatchObject({ active: 20, connections: 1 });
    await talk(1000);
    await one.clock.advanceAsync(1500);
    const errors = await Promise.all(calls);
    expect(errors.filter(({ reason }) => reason === 'PEER_SILENT')).toHaveLength(sent);
    expect(errors.filter(({ reason }) => reason === 'CONNECT_FAILED')).toHaveLength(20 - sent);
    expect(errors.find(({ reason }) => reason === 'PEER_SILENT')?.message).toContain('the other side reads nothing');
    await until(() => one.client.stats().active === 0);
  });

  it('does not keep one-way calls from waiting for it as well, up to their deadline', async () => {
    await using one = await deaf();
    const calls = Array.from({ length: 100 }, () => one.client.oneway({ kind: 'unary', service: 'S', name: 'M' } as never, input, { timeoutMs: 1000 }).then(() => 'written', ({ reason }: { reason: string }) => reason));
    await settled();
    await one.clock.advanceAsync(1010);
    const ends = await Promise.all(calls);
    expect(ends.filter((end) => end === 'written')).toHaveLength(one.encoded());
    expect(ends.filter((end) => end === 'TIMEOUT')).toHaveLength(100 - one.encoded());
    expect(one.encoded()).toBeLessThan(25);
  });
});
