import { seededRandom } from '@rpcxjs/testing';
import { describe, expect, it } from 'vitest';
import { ReceiveWindow } from './receive-window.ts';
import { SendWindow } from './send-window.ts';
import type { OutSegment } from './send-window.ts';
import { ShardReceiver } from './shard-receiver.ts';
import { ShardSender } from './shard-sender.ts';
import { shardSequenceEnd } from './parity.ts';

const options = { noDelay: false, intervalMs: 100, fastResend: 0, congestionControl: false, sendWindow: 32, streamMode: false };

describe('the windows', () => {
  it('go on where the 32-bit numbers begin anew, with losses, in order and without a repetition', () => {
    const random = seededRandom(3);
    const [sending, receiving] = [new SendWindow(options, 10), new ReceiveWindow(32)];
    sending.first = sending.next = receiving.next = 0xffff_ff80;
    const read: number[] = [];
    const take = (segment: OutSegment): void => {
      if (random() < 0.3 || !receiving.accepts(segment.sequence)) return;
      receiving.acknowledgements.push(segment.sequence, segment.timestamp);
      if (receiving.insert(segment.sequence, segment.bytes.subarray(0, segment.length), true)) read.push(segment.bytes.readUInt32LE(0));
    };
    for (let n = 0; n < 500; n++) sending.write(Buffer.from(Uint32Array.of(n).buffer));
    for (let now = 0; read.length < 500 && now < 1_000_000; now += 100) {
      for (let segment = sending.take(now); segment !== undefined; segment = sending.take(now)) take(segment);
      if (now >= sending.dueAt) sending.resend(now, take);
      for (let held = receiving.take(); held !== undefined; held = receiving.take()) read.push(held.readUInt32LE(0));
      sending.beginInput();
      const { acknowledgements } = receiving;
      if (random() >= 0.3) for (let index = 0; index < acknowledgements.length; index += 2) sending.acknowledge(acknowledgements[index]!, acknowledgements[index + 1]!);
      acknowledgements.length = 0;
      if (random() >= 0.3) sending.acknowledgeBefore(receiving.next);
      sending.endInput(0, true);
    }
    expect(read).toEqual(Array.from({ length: 500 }, (_, n) => n));
    expect(receiving.next).toBe((0xffff_ff80 + 500) >>> 0);
  });

  it('send a segment again at the time that kcp-go would, later each time', () => {
    const sending = new SendWindow(options, 10);
    sending.write(Buffer.from('x'));
    sending.take(0);
    const times: number[] = [];
    for (let now = 0; now < 2500; now += 10) if (now >= sending.dueAt) sending.resend(now, () => times.push(now));
    // 200 ms at first, and 200 more each time.
    expect(times).toEqual([200, 600, 1200, 2000]);
  });

  it('halve after an early loss, and begin anew with one segment after a late one', () => {
    const sending = new SendWindow({ ...options, congestionControl: true, fastResend: 2 }, 10);
    for (let n = 0; n < 200; n++) sending.write(Buffer.from('0123456789'));
    const flush = (): number[] => {
      const sent: number[] = [];
      for (let segment = sending.take(0); segment !== undefined; segment = sending.take(0)) sent.push(segment.sequence);
      return sent;
    };
    const acknowledge = (...sequences: number[]): void => {
      sending.beginInput();
      for (const sequence of sequences) sending.acknowledge(sequence, 0);
      sending.endInput(0, true);
    };
    expect(flush()).toEqual([0]);
    for (let round = 0; round < 200; round++) {
      sending.beginInput();
      sending.acknowledgeBefore(sending.next);
      sending.endInput(0, true);
      flush();
      if (sending.inFlight > 15) break;
    }
    const before = sending.inFlight;
    expect(before).toBeGreaterThan(15);
    const { first } = sending;
    acknowledge(first + 1, first + 2);
    const again: number[] = [];
    sending.resend(1, (segment) => again.push(segment.sequence));
    expect(again).toEqual([first]);
    sending.beginInput();
    sending.acknowledgeBefore(sending.next);
    sending.endInput(0, true);
    const halved = flush().length;
    expect(halved).toBeLessThan(before);
    expect(halved).toBeGreaterThanOrEqual(before / 2);
    sending.resend(100_000, () => {});
    sending.beginInput();
    sending.acknowledgeBefore(sending.next);
    sending.endInput(0, true);
    expect(flush().length).toBeLessThan(halved);
  });
});

describe('FEC', () => {
  it('goes on where its numbers begin anew, and after numbers that somebody made up', () => {
    const recovered: string[] = [];
    const receiver = new ShardReceiver((shard) => recovered.push(shard.toString('latin1', 2, shard.readUInt16LE(0))));
    const group = (first: number, name: string, lost: number): void => {
      const sender = new ShardSender();
      for (let shard = 0; shard < 10; shard++) {
        const text = `${name}${shard}`;
        const bytes = Buffer.concat([Buffer.of(text.length + 2, 0), Buffer.from(text)]);
        sender.add(bytes, 0, bytes.length);
        if (shard !== lost) receiver.add(first + shard, bytes, 0, bytes.length);
      }
      const parity = Buffer.alloc(sender.sum.length);
      sender.sum.write(1, parity, 0);
      receiver.add(first + 11, parity, 0, parity.length);
    };
    group(shardSequenceEnd - 13, 'last', 3);
    group(0, 'first', 0);
    receiver.add(1_000_000, Buffer.from('forged'), 0, 6);
    group(13, 'second', 9);
    receiver.add(0xffff_ffff, Buffer.from('of no group'), 0, 11);
    group(26, 'third', 5);
    expect(recovered).toEqual(['last3', 'first0', 'second9', 'third5']);
  });

  it('makes lost datagrams again among longer and longer ones, after groups that were whole', () => {
    const recovered: Buffer[] = [];
    const receiver = new ShardReceiver((shard) => recovered.push(Buffer.from(shard)));
    const group = (first: number, lost: readonly number[]): Buffer[] => {
      const sender = new ShardSender();
      const shards = Array.from({ length: 10 }, (_, shard) => Buffer.alloc(20 + 149 * shard, `${first}/${shard} `));
      for (const [shard, bytes] of shards.entries()) {
        sender.add(bytes, 0, bytes.length);
        if (!lost.includes(shard)) receiver.add(first + shard, bytes, 0, bytes.length);
      }
      for (let row = 0; row < 3; row++) {
        const parity = Buffer.alloc(sender.sum.length);
        sender.sum.write(row, parity, 0);
        receiver.add(first + 10 + row, parity, 0, parity.length);
      }
      return lost.map((shard) => Buffer.concat([shards[shard] ?? Buffer.of()], sender.sum.length));
    };
    const sent: Buffer[] = [];
    for (const [index, lost] of [[], [0, 9], [], [3], [4, 5, 6]].entries()) sent.push(...group(13 * index, lost));
    expect(recovered).toEqual(sent);
  });
});
