import { closeAfterEach, pair, until } from '@rpcxjs/transport-sides';
import { describe, expect, it } from 'vitest';
import { kcp } from './kcp.ts';

closeAfterEach();

describe('kcp', () => {
  for (const cipher of ['none', 'aes-128', 'aes-192', 'aes-256', 'salsa20', 'tea', 'xtea', '3des', 'sm4', 'xor'] as const) {
    it(`carries bytes both ways with ${cipher}`, async () => {
      const transport = kcp(cipher === 'none' ? {} : { cipher, key: { password: 'secret', salt: 'salt', iterations: 1 } });
      const { client, server, clientHeard, serverHeard } = await pair(transport);
      const large = Buffer.alloc(300_000, 'abcdefg');
      client.write(large);
      server.write(Buffer.from('answer'));
      await until(() => serverHeard.bytes.length === large.length && clientHeard.text === 'answer');
      expect(serverHeard.bytes.equals(large)).toBe(true);
    });
  }

  it('asks for no more once it has told the end, although what was waiting has gone out with it', async () => {
    const { client, server, clientHeard } = await pair(kcp());
    const told: string[] = [];
    clientHeard.drain = () => void told.push('drain');
    clientHeard.closed = () => void told.push('closed');
    expect(client.write(new Uint8Array(50_000))).toBe(false);
    await server.close();
    await until(() => told.includes('closed'));
    expect(told.slice(told.indexOf('closed'))).toEqual(['closed']);
  });
});
