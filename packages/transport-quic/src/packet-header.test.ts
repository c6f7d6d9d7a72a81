import { describe, expect, it } from 'vitest';
import { destinationKey, readLongHeader, versionNegotiation } from './packet-header.ts';

// RFC 9001 A.2: the client's Initial packet, as far as it is not encrypted.
const initial = Buffer.from('c300000001088394c8f03e5157080000449e7b9aec34d1b1c98dd7689fb8ec11', 'hex');

describe('a packet header', () => {
  it('is read from the example of RFC 9001', () => {
    const header = readLongHeader(initial);
    expect(header).toMatchObject({ version: 1, initial: true });
    expect(header?.destinationId.toString('hex')).toBe('8394c8f03e515708');
    expect([header?.sourceId.length, header?.token.length]).toEqual([0, 0]);
    expect(destinationKey(initial)).toBe(Buffer.from('8394c8f03e515708', 'hex').toString('latin1'));
  });

  it('has its token, whose length has one byte or two', () => {
    for (const [length, bytes] of [['05', 5], ['4041', 65]] as const) {
      const datagram = Buffer.concat([Buffer.from(`c300000001080102030405060708020a0b${length}`, 'hex'), Buffer.alloc(bytes, 7), Buffer.alloc(10)]);
      const header = readLongHeader(datagram);
      expect(header?.token.equals(Buffer.alloc(bytes, 7))).toBe(true);
      expect(header?.sourceId.toString('hex')).toBe('0a0b');
    }
  });

  it('is undefined wherever it was cut, and never throws', () => {
    for (let length = 0; length < 16; length++) expect(readLongHeader(initial.subarray(0, length)), `${length} bytes`).toBeUndefined();
    expect(readLongHeader(Buffer.from('c300000001ff', 'hex'))).toBeUndefined();
    expect(readLongHeader(Buffer.from('c30000000100008000ffff', 'hex')), 'a token longer than the datagram').toBeUndefined();
    expect(readLongHeader(Buffer.concat([Buffer.from('c30000000115', 'hex'), Buffer.alloc(40)])), 'an id of 21 bytes').toBeUndefined();
    for (const short of ['', '40', `40${'00'.repeat(15)}`]) expect(destinationKey(Buffer.from(short, 'hex'))).toBeUndefined();
  });

  it('of a short packet names the sixteen bytes that this side gave out', () => {
    expect(destinationKey(Buffer.concat([Buffer.from([0x40]), Buffer.alloc(16, 65), Buffer.alloc(20)]))).toBe('A'.repeat(16));
  });

  it('of an unknown version is answered with the ids turned round and the versions', () => {
    const header = readLongHeader(Buffer.from('c0fac0000002010203aabbcc0000', 'hex'));
    expect(header).toMatchObject({ version: 0xfac00000, initial: false });
    if (header === undefined) return;
    expect(versionNegotiation(header, [1]).subarray(1).toString('hex')).toBe(`00000000${'03aabbcc'}${'020102'}00000001`);
  });
});
