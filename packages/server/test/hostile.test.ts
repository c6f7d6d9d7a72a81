import { connect, type Socket } from 'node:net';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { connect as connectTls } from 'node:tls';
import { createClient, type Client } from '@rpcxjs/client';
import { tcp } from '@rpcxjs/transport-tcp';
import { seededRandom } from '@rpcxjs/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createServer, type Server } from '../src/index.ts';
import { frame, heartbeatFlag, onewayFlag } from './frame.ts';
import { openServer, recordingLogger, until, type LogLine } from './open-server.ts';
import { RawPeer } from './raw-peer.ts';

const transport = tcp();
const mebibyte = 1024 * 1024;
let server: Server;
let address = '';
let port = 0;
let log: LogLine[] = [];
let bystander: Client;
let handled = 0;

beforeEach(async () => {
  log = [];
  handled = 0;
  server = createServer({ transports: [transport], logger: recordingLogger(log) });
  server.registerFunction('S', 'Echo', (input: unknown) => ((handled += 1), input)).registerFunction('S', 'Length', (input: string) => input.length);
  [address = ''] = await server.listen('tcp@127.0.0.1:0');
  port = Number(address.split(':').at(-1));
  bystander = createClient({ servers: address, transports: [transport] });
  await bystander.call('S', 'Echo', 'before');
});
afterEach(async () => {
  expect(await bystander.call('S', 'Echo', 'after'), 'nobody else was disturbed').toBe('after');
  expect(bystander.stats()).toMatchObject({ connections: 1, retries: 0, failed: 0 });
  await bystander.close();
  await server.close({ graceMs: 100 });
});

function plain(): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1' });
    socket.once('connect', () => resolve(socket));
    socket.once('error', reject);
  });
}
/** What the only line of the log says. */
function hinted(): { readonly message: string; readonly remote: string } {
  const { err, remote } = { ...log[0]?.fields } as { readonly err?: Error; readonly remote?: string };
  return { message: err?.message ?? '', remote: remote ?? '' };
}
/** Milliseconds from now until the connection has ended. */
async function closed(socket: Socket): Promise<number> {
  const at = performance.now();
  if (!socket.closed) await new Promise((resolve) => { socket.on('error', () => {}).once('close', resolve).resume(); });
  return performance.now() - at;
}

describe('B1: header-only giants', () => {
  it('1000 connections that claim 4 GiB each are closed at once and cost no memory', async () => {
    const giant = Buffer.alloc(16);
    giant[0] = 8;
    giant.writeUInt32BE(0xffffffff, 12);
    const open = () => Promise.all(Array.from({ length: 100 }, plain));
    const round = async (bytes: Uint8Array, honest: boolean) => {
      let slowest = 0;
      for (let batch = 0; batch < 10; batch++) {
        const sockets = await open();
        await Promise.all(sockets.map(async (socket) => {
          socket.write(bytes);
          if (honest) await new Promise((resolve) => { socket.once('data', resolve); });
          if (honest) socket.destroy();
          slowest = Math.max(slowest, await closed(socket));
        }));
      }
      return slowest;
    };
    await round(frame({ service: 'S', method: 'Echo', sequence: 1n, payload: '1' }), true);
    const rss = process.memoryUsage.rss();
    const slowest = await round(giant, false);
    // Clients, log and server share this process; the server alone is measured in memory.long.test.ts.
    expect(process.memoryUsage.rss() - rss).toBeLessThan(128 * mebibyte);
    expect(slowest, 'milliseconds for a hundred at a time, both sides in one process').toBeLessThan(500);
    await until(() => server.stats().connections === 1);
    expect(server.stats().protocolErrors).toBe(1000);
    expect(handled).toBe(1001);
  });

  it('one is closed within 50 ms', async () => {
    const giant = Buffer.alloc(16);
    giant[0] = 8;
    giant.writeUInt32BE(0xffffffff, 12);
    const times: number[] = [];
    for (let round = 0; round < 10; round++) {
      const socket = await plain();
      socket.write(giant);
      times.push(await closed(socket));
    }
    expect(times.sort((a, b) => a - b)[5]).toBeLessThan(50);
  });
});

describe('B2: the frame limit', () => {
  const names = 16 + 'S'.length + 'Length'.length;

  it('is exact, and what is above it is refused by its number before the connection ends', async () => {
    const body = 16 * mebibyte;
    const payload = (bytes: number) => Buffer.concat([Buffer.from('"'), Buffer.alloc(bytes - 2, 'x'), Buffer.from('"')]);
    const peer = await RawPeer.dial(transport, address);
    peer.send(frame({ service: 'S', method: 'Length', sequence: 1n, payload: payload(body - names) }));
    expect((await peer.reply(1n)).payload.toString()).toBe(String(body - names - 2));
    peer.send(frame({ service: 'S', method: 'Length', sequence: 2n ** 63n, payload: payload(body - names + 1) }));
    const refusal = await peer.reply(2n ** 63n);
    expect(refusal.metadata['__rpcx_error__']).toContain(`${body + 1} bytes`);
    await peer.ended();
    expect(server.stats().protocolErrors).toBe(1);
    expect(log).toMatchObject([{ level: 'warn', fields: { err: { reason: 'FRAME_TOO_LARGE' } } }]);
  });

  it('holds on the way out as well, and our client refuses to send more than it allows itself', async () => {
    await expect(bystander.call('S', 'Length', 'x'.repeat(16 * mebibyte))).rejects.toMatchObject({ code: 'resource_exhausted', reason: 'TOO_LARGE', sent: false });
    expect(bystander.stats().connections).toBe(1);
    // The afterEach hook wants no failure of the bystander.
    await bystander.close();
    bystander = createClient({ servers: address, transports: [transport] });
  });
});

describe('B5: tiny frames in one segment', () => {
  it('a mebibyte of them gives the loop back every few milliseconds, and needs no stack', async () => {
    const network = await openServer({}, (own) => own.registerFunction('S', 'Echo', (input: unknown) => input));
    await using open = network;
    const peer = await open.peer();
    const tiny = frame({ flags: onewayFlag });
    const beat = frame({ flags: heartbeatFlag });
    const delay = monitorEventLoopDelay({ resolution: 1 });
    const send = Buffer.concat([...Array.from({ length: 49 }, () => beat), ...Array.from({ length: mebibyte / tiny.length }, () => tiny)]);
    await new Promise((resolve) => { setTimeout(resolve, 20); });
    delay.enable();
    peer.send(send, frame({ service: 'S', method: 'Echo', sequence: 7n, payload: '1' }));
    await peer.reply(7n);
    delay.disable();
    expect(open.server.stats().oneways).toBe(mebibyte / tiny.length);
    expect(delay.percentile(50) / 1e6, 'ms of most turns').toBeLessThan(20);
    expect(delay.max / 1e6, 'ms of the longest, on a machine that others use').toBeLessThan(500);
  });
});

describe('B6: one byte at a time', () => {
  it('a 4 MiB frame costs less than a second and no pile of little buffers', async () => {
    await using open = await openServer({}, (own) => own.registerFunction('S', 'Length', (input: string) => input.length));
    const peer = await open.peer();
    const whole = frame({ service: 'S', method: 'Length', sequence: 1n, payload: `"${'x'.repeat(4 * mebibyte)}"` });
    const accepted = open.network.links[0]?.server as unknown as { receive(bytes: Uint8Array): void };
    const rss = process.memoryUsage.rss();
    const cpu = process.cpuUsage();
    const one = new Uint8Array(1);
    for (const byte of whole) {
      one[0] = byte;
      accepted.receive(one);
    }
    const reply = await peer.reply(1n);
    const { user, system } = process.cpuUsage(cpu);
    expect(reply.payload.toString()).toBe(String(4 * mebibyte));
    expect((user + system) / 1e6, 'seconds').toBeLessThan(1.5);
    expect((process.memoryUsage.rss() - rss) / mebibyte).toBeLessThan(48);
  });
});

describe('B11: a wrong protocol on the port', () => {
  const random = seededRandom(11);
  const greetings: readonly (readonly [string, Uint8Array, RegExp])[] = [
    ['HTTP/1', Buffer.from('GET / HTTP/1.1\r\nHost: x\r\n\r\n'), /HTTP/],
    ['HTTP/2', Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'), /HTTP/],
    ['an SSH banner', Buffer.from('SSH-2.0-OpenSSH_9.6\r\n'), /text/],
    ['random bytes', Buffer.from(Array.from({ length: 1000 }, () => 9 + Math.floor(random() * 200))), /rpcx frame begins with 8|HTTP or text|TLS/],
    ['a first byte that is right and lengths that lie', Buffer.concat([Buffer.from([8, 0, 0, 0x10]), Buffer.alloc(8), Buffer.from([0, 0, 0, 16]), Buffer.alloc(16, 0xff)]), /contradicts itself/],
  ];
  it.each(greetings)('%s is closed within a second, counted once and hinted at once', async (_name, bytes, hint) => {
    const socket = await plain();
    socket.write(bytes);
    expect(await closed(socket)).toBeLessThan(1000);
    await until(() => server.stats().connections === 1);
    expect(server.stats()).toMatchObject({ protocolErrors: 1, connectionsAccepted: 2 });
    expect(log).toHaveLength(1);
    expect(log[0]).toMatchObject({ level: 'warn', message: 'a connection was ended for what its peer did' });
    expect(hinted().message).toMatch(hint);
    expect(hinted().remote).toMatch(/^tcp@127\.0\.0\.1:\d+$/);
  });

  it('a TLS hello is closed within a second, counted once and hinted at once', async () => {
    const socket = connectTls({ port, host: '127.0.0.1', rejectUnauthorized: false });
    expect(await closed(socket)).toBeLessThan(1000);
    await until(() => server.stats().connections === 1);
    expect(server.stats().protocolErrors).toBe(1);
    expect(log).toHaveLength(1);
    expect(hinted().message).toContain('TLS');
  });

  it('a port scan is no error and no line in the log', async () => {
    for (const socket of await Promise.all(Array.from({ length: 20 }, plain))) socket.destroy();
    for (const socket of await Promise.all(Array.from({ length: 20 }, plain))) socket.resetAndDestroy();
    await until(() => server.stats().connectionsAccepted === 41);
    await until(() => server.stats().connections === 1);
    expect(server.stats().protocolErrors).toBe(0);
    expect(log).toEqual([]);
  });
});

describe('B12: mutated frames on a live server', () => {
  it('are answered, dropped or end their connection; nothing throws and nothing hangs', async () => {
    const random = seededRandom(2026);
    await using open = await openServer({}, (own) => own.registerFunction('S', 'Echo', (input: unknown) => input).handle('Raw', undefined, (message) => message));
    const corpus = [
      frame({ service: 'S', method: 'Echo', sequence: 1n, payload: '{"a":[1,2,3]}' }),
      frame({ service: 'Raw', method: 'x', sequence: 2n, metadata: { a: 'b', __ServerTimeout: '100' }, payload: 'raw', codecId: 0 }),
      frame({ flags: heartbeatFlag, sequence: 3n, metadata: { _rpcxjs: '1;n=0123456789abcdef;cancel.1,errors.1' } }),
      frame({ service: '_rpcxjs', method: 'cancel.1', flags: onewayFlag, sequence: 1n, codecId: 0 }),
      frame({ service: 'S', method: 'Echo', flags: 0x04, sequence: 4n, payload: 'not gzip' }),
    ];
    const pick = () => corpus[Math.floor(random() * corpus.length)] as Buffer;
    let frames = 0;
    let longest = 0;
    let peer = await open.peer();
    for (let round = 0; round < 4000; round++) {
      const bytes = Buffer.concat([pick(), pick(), pick()]);
      for (let flip = Math.floor(random() * 3); flip >= 0; flip--) bytes[Math.floor(random() * bytes.length)] = Math.floor(random() * 256);
      const cut = random() < 0.1 ? Math.floor(random() * bytes.length) : bytes.length;
      frames += 3;
      const at = performance.now();
      peer.send(bytes.subarray(0, cut));
      await Promise.resolve();
      await new Promise((resolve) => { setImmediate(resolve); });
      longest = Math.max(longest, performance.now() - at);
      if (peer.end !== undefined || random() < 0.05) {
        peer.connection.abort();
        peer = await open.peer();
      }
    }
    expect(frames).toBe(12_000);
    expect(longest, 'ms').toBeLessThan(250);
    const healthy = await open.peer();
    healthy.send(frame({ service: 'S', method: 'Echo', sequence: 1n, payload: '1' }));
    expect((await healthy.reply(1n)).payload.toString()).toBe('1');
    peer.connection.abort();
    await until(() => open.server.stats().running === 0);
  });
});
