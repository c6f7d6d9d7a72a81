import { fork, type ChildProcess } from 'node:child_process';
import { connect, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { frame } from './frame.ts';

interface Report {
  readonly rss: number;
  readonly connections: number;
  readonly calls: number;
  readonly protocolErrors: number;
}

const mebibyte = 1024 * 1024;
let child: ChildProcess;
let port = 0;

beforeEach(async () => {
  child = fork(new URL('memory-server.ts', import.meta.url), { execArgv: ['--import', 'tsx', '--expose-gc', '--conditions', 'development'] });
  const { address } = await message<{ address: string }>();
  port = Number(address.split(':').at(-1));
});
afterEach(async () => {
  const gone = new Promise((resolve) => { child.once('exit', resolve); });
  child.kill();
  await gone;
});

function message<T>(): Promise<T> {
  return new Promise((resolve) => { child.once('message', (told) => resolve(told as T)); });
}
function ask(): Promise<Report> {
  const told = message<Report>();
  child.send('report');
  return told;
}
function plain(): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1' });
    socket.once('connect', () => resolve(socket));
    socket.once('error', reject);
  });
}
const closed = (socket: Socket) => new Promise((resolve) => { socket.on('error', () => {}).once('close', resolve); });

describe('B1: a thousand header-only giants', () => {
  it('cost the server less than 10 MB more than a thousand honest connections, and each is closed within 50 ms', async () => {
    const giant = Buffer.alloc(16);
    giant[0] = 8;
    giant.writeUInt32BE(0xffffffff, 12);
    const round = async (bytes: Uint8Array, honest: boolean): Promise<number[]> => {
      const times: number[] = [];
      for (let batch = 0; batch < 100; batch++) {
        const sockets = await Promise.all(Array.from({ length: 10 }, plain));
        await Promise.all(sockets.map(async (socket) => {
          const at = performance.now();
          socket.write(bytes);
          socket.once('data', () => { if (honest) socket.destroy(); });
          await closed(socket);
          times.push(performance.now() - at);
        }));
      }
      return times.sort((a, b) => a - b);
    };
    await round(frame({ service: 'S', method: 'Echo', sequence: 1n, payload: '1' }), true);
    const before = await ask();
    const times = await round(giant, false);
    const after = await ask();
    expect(after.protocolErrors).toBe(1000);
    expect((after.rss - before.rss) / mebibyte).toBeLessThan(10);
    expect(times[950], 'ms, of 95 in a hundred, ten at a time').toBeLessThan(50);
  });
});

describe('B9: fifty clients that ask for 8 MiB a hundred times and never read', () => {
  it('cost the server less than 164 MiB, and are cut 10 s after they stopped', async () => {
    const sockets = await Promise.all(Array.from({ length: 50 }, plain));
    const before = await ask();
    const ends = sockets.map((socket) => closed(socket));
    for (const socket of sockets) {
      socket.pause();
      socket.write(Buffer.concat(Array.from({ length: 100 }, (_, index) => frame({ service: 'S', method: 'Large', sequence: BigInt(index) }))));
    }
    const at = performance.now();
    let most = 0;
    let report = await ask();
    while (report.connections > 0 && performance.now() - at < 30_000) {
      most = Math.max(most, report.rss - before.rss);
      await new Promise((resolve) => { setTimeout(resolve, 100); });
      report = await ask();
    }
    expect(report.connections).toBe(0);
    expect(performance.now() - at, 'ms until the last was cut').toBeLessThan(13_000);
    expect(report.calls, 'calls that were run').toBeLessThanOrEqual(100);
    expect(most / mebibyte).toBeLessThan(50 * 2 + 64);
    for (const socket of sockets) socket.destroy();
    await Promise.all(ends);
  });
});
