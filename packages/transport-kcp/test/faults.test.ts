import { closeAfterEach } from '@rpcxjs/transport-sides';
import { describe, expect, it } from 'vitest';
import { kcp } from '../src/index.ts';
import { badPath, cross, fast } from './faults.ts';

closeAfterEach();

const total = 4 * 1024 * 1024;

describe('a path that loses every tenth datagram, doubles some and mixes them up', () => {
  for (const [name, options] of [['with FEC', fast], ['without FEC', { ...fast, fec: false }], ['with FEC and a cipher', { ...fast, cipher: 'aes-128', key: new Uint8Array(16) }]] as const) {
    it(`4 MiB each way arrive whole and in order ${name}`, async () => {
      const { up, down, lost } = await cross(kcp(options), badPath, { total, deadlineMs: 20_000 });
      expect([up.bytes, up.wrong, down.bytes, down.wrong]).toEqual([total, 0, total, 0]);
      expect([up.closes, down.closes]).toEqual([[], []]);
      expect(lost).toBeGreaterThan(100);
    }, 30_000);
  }
  it(`64 KiB each way arrive whole and in order with kcp-go's defaults`, async () => {
    const { up, down } = await cross(kcp(), badPath, { total: 65_536, deadlineMs: 20_000 });
    expect([up.bytes, up.wrong, down.bytes, down.wrong]).toEqual([65_536, 0, 65_536, 0]);
  }, 30_000);
});
