import { describe, expect, it } from 'vitest';
import { closeAfterEach, pair, until } from '../test/sides.ts';
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
});
