import { seededRandom } from '@rpcxjs/testing';
import { closeAfterEach, Heard } from '@rpcxjs/transport-sides';
import { describe, expect, it } from 'vitest';
import { keepsLessThan, keptBytes } from './kept-bytes.ts';
import { sealed, segmentOf, stubListener } from './stub-listener.ts';

closeAfterEach();

const random = seededRandom(42);
const drawn = (below: number): number => Math.floor(random() * below);
function noise(length: number): Buffer {
  const bytes = Buffer.alloc(length);
  for (let at = 0; at < length; at++) bytes[at] = drawn(256);
  return bytes;
}

describe('datagrams that are none', () => {
  it('of any length and content are dropped, counted and answered by at most one line a minute', () => {
    const { listening, accepted, lines, receive } = stubListener({ cipher: 'aes-128', key: new Uint8Array(16) });
    for (let round = 0; round < 5000; round++) receive(noise(drawn(1600)), 1 + drawn(65_535));
    expect(listening.dropped).toEqual({ unreadable: 5000, malformed: 0, strange: 0 });
    expect(accepted.length).toBe(0);
    expect(lines.length).toBe(1);
  });

  it('with a right checksum over noise begin nothing, whether with FEC or without', () => {
    for (const fec of [true, false]) {
      const { listening, accepted, receive } = stubListener({ fec });
      for (let round = 0; round < 5000; round++) {
        const content = noise(24 + drawn(1400));
        if (fec && round % 2 === 0) content.writeUInt16LE(round % 4 === 0 ? 0xf1 : 0xf2, 4);
        receive(sealed(content), 1 + drawn(65_535));
      }
      const { malformed, strange, unreadable } = listening.dropped;
      expect(unreadable).toBe(0);
      // A quarter is parity of nobody, which is dropped without a count.
      expect(malformed + strange).toBeGreaterThan(fec ? 3700 : 4999);
      expect(accepted.length).toBe(0);
    }
  });

  it('made from good ones by cutting them short are dropped, and what was whole of them counts', () => {
    const { listening, accepted, receive } = stubListener({ fec: false });
    const good = segmentOf({ conversation: 7, payload: noise(300) }).subarray(8);
    for (let length = 0; length < good.length; length++) receive(sealed(good.subarray(0, length)));
    expect(listening.dropped.unreadable).toBe(24);
    expect(listening.dropped.malformed).toBe(good.length - 24);
    expect(accepted.length).toBe(1);
    const heard = new Heard();
    accepted[0]!.start(heard);
    expect(heard.bytes.length).toBe(0);
    receive(sealed(good));
    expect(heard.bytes.equals(good.subarray(24))).toBe(true);
  });

  it('that lie about lengths, numbers and windows leave an established conversation in order and in little memory', async () => {
    const { listening, accepted, receive } = stubListener();
    receive(sealed(segmentOf({ conversation: 7, payload: Buffer.from('begin') })));
    const heard = new Heard();
    accepted[0]!.start(heard);
    accepted[0]!.write(noise(100_000));
    const before = keptBytes();
    for (let round = 0; round < 30_000; round++) {
      // Never the next number, so that none of it may reach the reader.
      const sequence = drawn(3) === 0 ? 2 + drawn(60) : (0x8000_0000 + drawn(0x7fff_0000)) >>> 0;
      const lie = segmentOf({
        conversation: 7, command: 78 + drawn(10), sequence, unacknowledged: drawn(2) === 0 ? 0xffff_0000 + drawn(65_536) : drawn(1 << 30), payload: noise(drawn(100)),
        ...(drawn(4) === 0 ? { length: drawn(0x1_0000_0000) } : {}),
      }, drawn(2) === 0 ? drawn(100) : drawn(0xffff_ffff));
      receive(sealed(lie));
    }
    await keepsLessThan(16 * 1024 * 1024, before);
    expect(heard.text).toBe('begin');
    // Nobody acknowledged what was written.
    expect(accepted[0]!.bufferedBytes).toBeGreaterThan(90_000);
    expect(heard.closes).toEqual([]);
    expect(listening.size).toBe(1);
    expect(listening.dropped.malformed).toBeGreaterThan(10_000);
  });

  it('with one bit flipped anywhere are never taken for good ones', () => {
    const { listening, accepted, receive } = stubListener({ cipher: 'none' });
    const good = sealed(segmentOf({ conversation: 7, payload: Buffer.from('whole') }));
    for (let bit = 16 * 8; bit < good.length * 8; bit++) {
      const flipped = Buffer.from(good);
      flipped[bit >> 3]! ^= 1 << (bit & 7);
      receive(flipped);
    }
    expect(listening.dropped.unreadable).toBe((good.length - 16) * 8);
    expect(accepted.length).toBe(0);
  });
});
