import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { cipherKind, cipherNames } from '../src/ciphers.ts';
import { scratchBytes } from '../src/datagram-cipher.ts';
import { DatagramWriter, openDatagram } from '../src/datagram-writer.ts';
import { readShard } from '../src/shard.ts';
import { ShardReceiver } from '../src/shard-receiver.ts';
import { ShardSender } from '../src/shard-sender.ts';
import { command } from '../src/segment.ts';

// Made by kcp-go v5.4.20: packages/interop/go-kcp/cmd/golden says how.
interface Golden {
  readonly ciphers: readonly { readonly cipher: string; readonly key: string; readonly plain: string; readonly encrypted: string }[];
  readonly sessions: readonly { readonly cipher: string; readonly key: string; readonly conversation: number; readonly payloads: readonly string[]; readonly datagrams: readonly string[] }[];
}
// Written by the program named above.
const golden = JSON.parse(readFileSync(new URL('golden.json', import.meta.url), 'utf8')) as Golden;
const bytesOf = (hex: string): Buffer => Buffer.from(hex, 'hex');

describe('ciphers are those of kcp-go', () => {
  for (const { cipher, key, plain, encrypted } of golden.ciphers) {
    if (!(cipherNames as readonly string[]).includes(cipher)) continue;
    it(`${cipher} reads ${plain.length / 2} bytes of kcp-go, time and again`, () => {
      const reader = cipherKind(cipher).make(bytesOf(key));
      for (let round = 0; round < 3; round++) expect(reader.decrypt(bytesOf(encrypted)).toString('hex')).toBe(plain);
    });

    it(`${cipher} writes ${plain.length / 2} bytes that kcp-go reads`, () => {
      const writer = cipherKind(cipher).make(bytesOf(key));
      const reader = cipherKind(cipher).make(bytesOf(key));
      for (let round = 0; round < 3; round++) {
        const datagram = Buffer.alloc(scratchBytes);
        bytesOf(plain).copy(datagram);
        const sealed = Buffer.from(writer.encrypt(datagram, plain.length / 2).subarray(0, plain.length / 2));
        // The nonce in front is made up for by what the receiver's vector does to it; all that counts comes behind it.
        expect(reader.decrypt(sealed).subarray(16).toString('hex')).toBe(plain.slice(32));
      }
    });
  }
  it('all of kcp-go\'s are here or refused by name', () => {
    for (const { cipher } of golden.ciphers) {
      if (!(cipherNames as readonly string[]).includes(cipher)) expect(() => cipherKind(cipher)).toThrow(`kcp: cipher "${cipher}" is one of kcp-go, but neither Node nor this package has it; take one of none, aes-128`);
    }
  });
});

describe.each(golden.sessions)('thirteen datagrams of a session of kcp-go with $cipher', ({ cipher, key, conversation, payloads, datagrams }) => {
  const open = (): Buffer[] => {
    const reader = cipherKind(cipher).make(bytesOf(key));
    return datagrams.map((datagram) => Buffer.from(openDatagram(bytesOf(datagram), reader) ?? []));
  };

  it('are read: ten segments of data, numbered, then three of parity', () => {
    for (const [index, plain] of open().entries()) {
      const shard = readShard(plain, true)!;
      expect(shard.sequence).toBe(index);
      expect(shard.segmentsAt === undefined).toBe(index >= 10);
      if (shard.segmentsAt === undefined) continue;
      const at = shard.segmentsAt;
      expect([plain.readUInt16LE(26), plain.readUInt32LE(at), plain[at + 4], plain.readUInt32LE(at + 12)]).toEqual([plain.length - 26, conversation, command.push, index]);
      expect(plain.subarray(at + 24).toString('hex')).toBe(payloads[index]);
    }
  });

  it('have the parity that this side makes of the same data', () => {
    const sender = new ShardSender();
    const plain = open();
    const complete = plain.slice(0, 10).map((bytes) => sender.add(bytes, 26, bytes.length));
    expect(complete).toEqual([...Array.from({ length: 9 }, () => false), true]);
    for (const row of [0, 1, 2]) {
      const parity = Buffer.alloc(26 + sender.sum.length);
      sender.sum.write(row, parity, 26);
      expect(parity.subarray(26).equals(plain[10 + row]!.subarray(26))).toBe(true);
    }
  });

  it('can be made again whichever three are lost', () => {
    const plain = open();
    let tried = 0;
    for (let a = 0; a < 13; a++) {
      for (let b = a + 1; b < 13; b++) {
        for (let c = b + 1; c < 13; c++) {
          const recovered: string[] = [];
          const receiver = new ShardReceiver((shard) => recovered.push(shard.subarray(0, shard.readUInt16LE(0)).toString('hex')));
          for (const [index, bytes] of plain.entries()) if (index !== a && index !== b && index !== c) receiver.add(index, bytes, 26, bytes.length);
          const lost = [a, b, c].filter((index) => index < 10).map((index) => plain[index]!.subarray(26).toString('hex'));
          expect(recovered.toSorted()).toEqual(lost.toSorted());
          tried++;
        }
      }
    }
    expect(tried).toBe(286);
  });

  it('are what this side sends for the same segments, but for the nonce and the time', () => {
    const sent: Buffer[] = [];
    const maker = cipherKind(cipher).make(bytesOf(key));
    const writer = new DatagramWriter({ cipher: maker, fec: true, mtuBytes: 1400, send: (bytes, length) => sent.push(Buffer.from(bytes.subarray(0, length))) < 0 });
    const target = { port: 1, address: '127.0.0.1', shards: new ShardSender() };
    const plain = open();
    for (const [index, payload] of payloads.entries()) {
      writer.begin(target);
      const at = 28;
      const bytes = plain[index]!;
      writer.segment({ conversation, command: command.push, fragment: 0, window: bytes.readUInt16LE(at + 6), timestamp: bytes.readUInt32LE(at + 8), sequence: index, unacknowledged: 0 }, bytesOf(payload));
      writer.end();
    }
    const reader = cipherKind(cipher).make(bytesOf(key));
    expect(sent.map((datagram) => openDatagram(datagram, reader)?.subarray(20).toString('hex'))).toEqual(plain.map((bytes) => bytes.subarray(20).toString('hex')));
  });
});
