import { closeAfterEach } from '@rpcxjs/transport-sides';
import { expect, it } from 'vitest';
import { kcp } from '../src/index.ts';
import { badPath, cross, fast } from './faults.ts';

closeAfterEach();

const total = 100_000_000;

for (const [name, options] of [['with the settings for bad paths', fast], ['with a cipher, and kcp-go\'s defaults', { cipher: 'aes-256', key: new Uint8Array(32) }]] as const) {
  it(`100 MB each way arrive whole and in order through a path that loses every tenth datagram, ${name}`, async () => {
    const { up, down } = await cross(kcp(options), badPath, { total, deadlineMs: 590_000 });
    expect([up.bytes, up.wrong, down.bytes, down.wrong]).toEqual([total, 0, total, 0]);
    expect([up.closes, down.closes]).toEqual([[], []]);
  }, 600_000);
}
