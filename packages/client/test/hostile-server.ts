import { gzip } from '@rpcxjs/compress-gzip';
import { jsonCodec, bytesCodec } from '@rpcxjs/core';
import { flag } from '@rpcxjs/protocol';
import { seededRandom } from '@rpcxjs/testing';
import { frame, type FrameParts, type ReadFrame } from './frame.ts';
import { rig, until } from './fake-server.ts';

type Random = () => number;
const below = (random: Random, count: number): number => Math.floor(random() * count);
function one<T>(random: Random, list: readonly [T, ...T[]]): T {
  return list[below(random, list.length)] ?? list[0];
}

const texts = ['', 'ok', '"ok"', '{"a":[1,2]}', '\u0000', '服务', '__proto__', 'x'.repeat(300), '{"code":"unavailable","unrun":true,"retryAfterMs":0}', '[[[[', '1;n=0123456789abcdef;cancel.1'] as const;
const keys = ['__rpcx_error__', '_rpcxjs-error', '_rpcxjs-ok', '_rpcxjs', '__AUTH', '__ServerTimeout', '__proto__', 'a', ''] as const;

/** Something that a server might say about a call, more or less. */
function valid(random: Random, call: ReadFrame): FrameParts {
  const metadata = Object.fromEntries(Array.from({ length: below(random, 4) }, () => [one(random, keys), one(random, texts)]));
  const payload = one(random, texts);
  const kind = random();
  const codecId = one(random, [0, 1, 1, 1, 2, 15]);
  if (kind < 0.5) return { flags: flag.response | one(random, [0, 0, flag.error]), sequence: call.sequence, codecId, metadata, payload };
  if (kind < 0.6) return { flags: flag.response | (below(random, 8) << flag.compressorShift), sequence: call.sequence, codecId, metadata, payload };
  if (kind < 0.75) return { flags: flag.oneway, service: one(random, ['Feed', 'Feed', 'Feed', 'X', '']), method: one(random, ['Item', 'Item', 'Item', '']), codecId, metadata, payload };
  if (kind < 0.85) return { flags: flag.heartbeat | one(random, [0, flag.response]), sequence: 0n, codecId, metadata };
  if (kind < 0.95) return { flags: flag.oneway, service: '_rpcxjs', method: one(random, ['cancel.1', 'errors.1', 'drain.1', '']), sequence: call.sequence, metadata };
  return { flags: below(random, 256), sequence: BigInt(below(random, 2 ** 40)), codecId, metadata, payload };
}

/** Its bytes, with some of them changed. */
function mutate(random: Random, bytes: Buffer): Buffer {
  const kind = random();
  if (kind < 0.8) return bytes;
  if (kind < 0.92) {
    for (let count = 1 + below(random, 3); count > 0; count--) bytes[below(random, bytes.length)] = below(random, 256);
    return bytes;
  }
  if (kind < 0.94) return bytes.subarray(0, below(random, bytes.length));
  if (kind < 0.97) return Buffer.concat([bytes, bytes.subarray(0, below(random, bytes.length))]);
  bytes.writeUInt32BE(one(random, [0, 1, 0xffff_ffff, 0x7fff_ffff, 16 * 1024 * 1024, bytes.length]), 4 * below(random, Math.floor(bytes.length / 4)));
  return bytes;
}

export interface Outcome {
  readonly calls: number;
  readonly resolved: number;
  /** Codes of errors that are typed; anything else is under `other`. */
  readonly failed: Readonly<Record<string, number>>;
  readonly connections: number;
  readonly active: number;
  readonly pushes: number;
}

/** Calls a server that answers with anything, so many times, and says how it went. Every call ends. */
export async function fuzzClient(seed: number, rounds: number): Promise<Outcome> {
  const random = seededRandom(seed);
  await using setup = await rig({ codecs: [jsonCodec, bytesCodec], compressors: [gzip()], timeoutMs: 60_000, limits: { maxInflatedBytes: 10_000 }, reconnect: { initialMs: 0, maxMs: 0 } });
  const { server, client } = setup;
  server.greets = 'agree';
  server.onCall = (call, connection) => {
    server.received.length = server.heartbeats.length = 0;
    const parts = Array.from({ length: 1 + below(random, 3) }, () => mutate(random, frame(valid(random, call))));
    connection.write(Buffer.concat(parts));
    // It may have said nothing that ends the call: then the wire does.
    if (random() < 0.96) connection.write(frame({ flags: flag.response, sequence: call.sequence, payload: '1' }));
    else void connection.close();
  };
  const counts = { resolved: 0, pushes: 0 };
  const failed: Record<string, number> = {};
  client.onPush({ kind: 'push', service: 'Feed', name: 'Item' } as never, () => void (counts.pushes += 1));
  for (let round = 0; round < rounds; round++) {
    const controller = new AbortController();
    const calls = Array.from({ length: 3 }, () => client.call('A', 'B', round, { signal: controller.signal }).then(() => void (counts.resolved += 1), (error: { code?: string }) => { const code = error.code ?? 'other'; failed[code] = (failed[code] ?? 0) + 1; }));
    // A truncated frame swallows what follows it: such a call waits for the rest until it is given up.
    await Promise.race([Promise.all(calls), until(() => server.network.links.every(({ client: side }) => side.bufferedBytes === 0)).then(() => turns(20))]);
    controller.abort();
    await Promise.all(calls);
    if (random() < 0.05) server.network.links[0]?.cut();
  }
  await until(() => client.stats().active === 0);
  const { active } = client.stats();
  return { calls: rounds * 3, resolved: counts.resolved, failed, connections: server.connections.length, active, pushes: counts.pushes };
}

async function turns(count: number): Promise<void> {
  for (let left = count; left > 0; left--) await new Promise((resolve) => { setImmediate(resolve); });
}
