import { connect, type Socket } from 'node:net';
import { createClient } from '@rpcxjs/client';
import { tcp } from '@rpcxjs/transport-tcp';
import { describe, expect, it } from 'vitest';
import { createServer, type ServerOptions } from '../src/index.ts';
import { frame } from './frame.ts';
import { recordingLogger, until, type LogLine } from './open-server.ts';

const mebibyte = 1024 * 1024;
const transport = tcp();

async function serve(limits: NonNullable<ServerOptions['limits']>) {
  const log: LogLine[] = [];
  const counts = { calls: 0 };
  const shared = new Uint8Array(12 * mebibyte);
  const server = createServer({ transports: [transport], limits, logger: recordingLogger(log) });
  server.handle('S', 'Large', (message) => ((counts.calls += 1), { ...message, payload: shared }));
  server.handle('S', 'Later', async (message) => {
    await Promise.resolve();
    return { ...message, payload: shared };
  });
  server.registerFunction('S', 'Echo', (input: unknown) => input);
  const [address = ''] = await server.listen('tcp@127.0.0.1:0');
  const sockets: Socket[] = [];
  const raw = async (): Promise<Socket> => {
    const socket = connect({ port: Number(address.split(':').at(-1)), host: '127.0.0.1' });
    sockets.push(socket);
    await new Promise((resolve) => { socket.once('connect', resolve); });
    return socket.pause();
  };
  return {
    server, address, log, counts, raw,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      server.abort();
      await server.close();
    },
  };
}
const request = (sequence: number, method = 'Large') => frame({ service: 'S', method, sequence: BigInt(sequence) });

describe('B9: peers that ask and do not read', () => {
  it('get no further calls run beyond a mebibyte, and are cut when they have read nothing for stallMs, with one line each', async () => {
    await using open = await serve({ stallMs: 400 });
    const sockets = await Promise.all(Array.from({ length: 5 }, () => open.raw()));
    const ended = sockets.map((socket) => new Promise((resolve) => { socket.on('error', () => {}).once('close', resolve); }));
    for (const socket of sockets) socket.write(Buffer.concat(Array.from({ length: 50 }, (_, index) => request(index))));
    const client = createClient({ servers: open.address, transports: [transport] });
    expect(await client.call('S', 'Echo', 'others are served')).toBe('others are served');
    await until(() => open.server.stats().connections === 6);
    await until(() => open.server.stats().connections === 1);
    expect(open.counts.calls).toBeLessThanOrEqual(10);
    expect(open.log).toHaveLength(5);
    expect(open.log[0]).toMatchObject({ level: 'warn', fields: { err: { reason: 'PEER_SILENT' } } });
    for (const socket of sockets) socket.destroy();
    await Promise.all(ended);
    await client.close();
  });

  it('but only slowly are served to the end, however long that takes', async () => {
    await using open = await serve({ stallMs: 1000 });
    const socket = await open.raw();
    let received = 0;
    socket.write(request(1));
    const at = performance.now();
    while (received < 12 * mebibyte && !socket.destroyed) {
      await new Promise((resolve) => { setTimeout(resolve, 80); });
      // Node reads ahead into its own buffer: taking a little of it each time keeps the reader slow.
      const piece = socket.read(Math.min(256 * 1024, socket.readableLength)) as Buffer | null;
      received += piece?.length ?? 0;
    }
    expect(received).toBeGreaterThan(12 * mebibyte - 1);
    expect(performance.now() - at, 'longer than the allowance, or this shows nothing').toBeGreaterThan(2500);
    expect(open.log).toEqual([]);
  });

  it('hold no more than maxBufferedBytes together: above it those that hold most go, and who holds less gets all of its replies', async () => {
    await using open = await serve({ maxBufferedBytes: 64 * mebibyte });
    const modest = await open.raw();
    modest.write(request(1, 'Later'));
    await until(() => open.server.stats().traffic.framesWritten === 1);
    const greedy = await Promise.all(Array.from({ length: 6 }, () => open.raw()));
    const ended = greedy.map((socket) => new Promise((resolve) => { socket.on('error', () => {}).once('close', resolve); }));
    // Each of them may hold up to 64 MiB, for ten seconds.
    for (const socket of greedy) socket.write(Buffer.concat([1, 2, 3].map((sequence) => request(sequence, 'Later'))));
    await until(() => open.log.length === 5);
    expect(open.server.stats().connections).toBe(2);
    for (const { fields } of open.log) expect(fields).toMatchObject({ err: { code: 'resource_exhausted', reason: 'OVERLOADED' } });
    let received = 0;
    modest.on('data', (chunk) => { received += chunk.length; });
    modest.resume();
    await until(() => received > 12 * mebibyte);
    for (const socket of greedy) socket.destroy();
    await Promise.all(ended);
    const client = createClient({ servers: open.address, transports: [transport] });
    expect(await client.call('S', 'Echo', 'what they held is given back')).toBe('what they held is given back');
    await client.close();
  });
});
