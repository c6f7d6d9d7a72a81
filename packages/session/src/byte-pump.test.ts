import { manualClock } from '@rpcxjs/testing';
import { describe, expect, it } from 'vitest';
import { FakeConnection } from '../test/fake-connection.ts';
import { BytePump } from './byte-pump.ts';
import { flushPolicy, type FlushOptions } from './flush-policy.ts';
import { addTraffic, createTraffic } from './traffic.ts';

const turn = () => new Promise<void>((resolve) => { setImmediate(resolve); });

function open(highWaterBytes = 1000, flush?: FlushOptions) {
  const clock = manualClock();
  const connection = new FakeConnection();
  const told: string[] = [];
  const pump = new BytePump(connection, {
    data: (chunk) => told.push(`data ${chunk.length}`),
    blocked: () => told.push('blocked'),
    drained: () => told.push('drained'),
    closed: (reason) => told.push(`closed ${reason?.message ?? 'cleanly'}`),
  }, { highWaterBytes, flush: flushPolicy(flush), clock });
  pump.start();
  const put = (bytes: number) => {
    pump.writer.open();
    pump.writer.append(new Uint8Array(bytes).fill(bytes));
    pump.writer.close();
    pump.written();
  };
  return { connection, told, pump, put, clock };
}

describe('what is written', () => {
  it('leaves at the end of the turn in one piece', async () => {
    const { connection, put } = open();
    for (let count = 1; count <= 20; count++) put(count);
    expect(connection.written).toEqual([]);
    await turn();
    expect(connection.written).toHaveLength(1);
    expect([...(connection.written[0] ?? [])]).toEqual(Array.from({ length: 20 }, (_, index) => Array.from({ length: index + 1 }, () => index + 1)).flat());
  });

  it('leaves earlier from flushAtBytes on, and in the same order', async () => {
    const { connection, pump, put } = open();
    pump.flushAtBytes = 100;
    put(60);
    put(50);
    put(7);
    expect(connection.written.map((chunk) => chunk.length)).toEqual([110]);
    await turn();
    expect(connection.written.map((chunk) => chunk.length)).toEqual([110, 7]);
    expect(pump.traffic).toMatchObject({ bytesWritten: 117, chunksWritten: 2 });
  });

  it('is left alone as long as the network has not taken it: the buffer is not written again', async () => {
    const { connection, put } = open();
    connection.blocked = true;
    const held: Uint8Array[] = [];
    connection.write = (chunk) => {
      held.push(chunk);
      connection.bufferedBytes += chunk.length;
      return false;
    };
    for (let round = 1; round <= 30; round++) {
      put(round);
      await turn();
    }
    expect(held.map((chunk) => [...new Set(chunk)])).toEqual(Array.from({ length: 30 }, (_, index) => [index + 1]));
  });

  it('goes nowhere after the end', async () => {
    const { connection, pump, put } = open();
    connection.sink?.closed(undefined);
    put(10);
    await turn();
    pump.flush();
    expect(connection.written).toEqual([]);
    expect(pump.writer.pendingBytes).toBe(0);
  });

  it('is no half of a frame when close() is called while it is being written, from a getter, say', async () => {
    const { connection, pump } = open();
    pump.writer.open();
    pump.writer.append(new Uint8Array(10).fill(1));
    const closed = pump.close();
    expect([connection.written, connection.closes]).toEqual([[], 0]);
    pump.writer.append(new Uint8Array(5).fill(2));
    pump.writer.close();
    pump.written();
    await closed;
    expect(connection.written.map((chunk) => chunk.length)).toEqual([15]);
    expect(connection.closes).toBe(1);
  });

  it('leaves before close() ends the connection', async () => {
    const { connection, pump, put } = open();
    put(10);
    await pump.close();
    expect(connection.writtenBytes).toBe(10);
    expect(connection.closes).toBe(1);
  });
});

it('leaves as well when it is no frame: the pump knows none', async () => {
  const { connection, pump } = open();
  pump.writer.appendUtf8('three ');
  pump.written();
  pump.writer.appendUtf8('words');
  pump.written();
  await turn();
  expect(Buffer.concat(connection.written).toString()).toBe('three words');
});

describe('back-pressure', () => {
  it('is told once when the network does not take more than the mark, and once when it does again', async () => {
    const { connection, told, pump, put } = open();
    connection.blocked = true;
    put(999);
    await turn();
    expect(told).toEqual([]);
    expect(pump.writable).toBe(true);
    put(1);
    await turn();
    put(5);
    await turn();
    expect(told).toEqual(['blocked']);
    expect(pump.writable).toBe(false);
    connection.sink?.drain();
    expect(told).toEqual(['blocked']);
    connection.unblock();
    connection.sink?.drain();
    expect(told).toEqual(['blocked', 'drained']);
    expect(pump.writable).toBe(true);
  });
});

it('tells the end once', () => {
  const { connection, told, pump } = open();
  pump.abort(new Error('enough'));
  connection.sink?.closed(undefined);
  expect(told).toEqual(['closed enough']);
});

it('counts what it moves, and sums of several', async () => {
  const { connection, pump, put } = open();
  connection.deliver(new Uint8Array(5));
  connection.deliver(new Uint8Array(6));
  put(3);
  await turn();
  expect(pump.traffic).toEqual({ bytesRead: 11, bytesWritten: 3, framesRead: 0, framesWritten: 0, chunksRead: 2, chunksWritten: 1 });
  const sum = createTraffic();
  addTraffic(sum, pump.traffic);
  addTraffic(sum, pump.traffic);
  expect(sum).toEqual({ bytesRead: 22, bytesWritten: 6, framesRead: 0, framesWritten: 0, chunksRead: 4, chunksWritten: 2 });
});

describe('a flush policy', () => {
  it('of delayMs 0 sends each at once', () => {
    const { connection, put } = open(1000, { delayMs: 0 });
    for (let count = 1; count <= 5; count++) put(count);
    expect(connection.written.map((chunk) => chunk.length)).toEqual([1, 2, 3, 4, 5]);
  });

  it('of a delay sends what gathered after that, or when there is enough of it, and then begins anew', async () => {
    const { connection, put, clock } = open(1e6, { delayMs: 20, maxBytes: 100, maxMessages: 4 });
    put(1);
    await turn();
    clock.advance(19);
    put(2);
    expect(connection.written).toEqual([]);
    clock.advance(1);
    expect(connection.written.map((chunk) => chunk.length)).toEqual([3]);
    put(60);
    put(60);
    expect(connection.written.map((chunk) => chunk.length)).toEqual([3, 120]);
    expect(clock.pending).toBe(0);
    for (let count = 0; count < 5; count++) put(1);
    expect(connection.written.map((chunk) => chunk.length)).toEqual([3, 120, 4]);
    clock.advance(20);
    expect(connection.written.map((chunk) => chunk.length)).toEqual([3, 120, 4, 1]);
  });

  it('of messages sends at the end of the turn what they leave', async () => {
    const { connection, put } = open(1e6, { maxMessages: 8 });
    for (let count = 0; count < 20; count++) put(1);
    expect(connection.written.map((chunk) => chunk.length)).toEqual([8, 8]);
    await turn();
    expect(connection.written.map((chunk) => chunk.length)).toEqual([8, 8, 4]);
  });

  it('lets a frame finish that is being written when the delay is over, and leaves no timer behind at the end', () => {
    const { connection, pump, put, clock } = open(1e6, { delayMs: 20 });
    put(1);
    pump.writer.open();
    pump.writer.append(new Uint8Array(5));
    clock.advance(20);
    expect(connection.written).toEqual([]);
    pump.writer.close();
    pump.written();
    clock.advance(20);
    expect(connection.written.map((chunk) => chunk.length)).toEqual([6]);
    put(1);
    connection.sink?.closed(undefined);
    expect(clock.pending).toBe(0);
  });
});
