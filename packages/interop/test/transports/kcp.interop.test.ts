import { describe, expect, it } from 'vitest';
import { createClient } from '@rpcxjs/client';
import { kcp, type KcpOptions } from '@rpcxjs/transport-kcp';
import { buildGoKcpPrograms, GoKcpClient, type GoKcpOptions, startGoKcpServer } from '../../src/index.ts';
import { Arith } from '../arith.ts';
import { recordingLogger } from '../recording-logger.ts';
import { codecs, startTypeScriptServer } from '../typescript-server.ts';

const built = await buildGoKcpPrograms();
if (built.missing !== undefined && process.env['CI'] !== undefined) throw new Error(`the Go peers must be there when CI is set: ${built.missing}`);

const key = { password: 'rpcx-key', salt: 'rpcx-salt' };
const setups: readonly (readonly [string, KcpOptions, GoKcpOptions])[] = [
  ['aes-256 and all defaults', { cipher: 'aes-256', key }, {}],
  ['aes-256, acknowledged without delay in stream mode', { cipher: 'aes-256', key, ackNoDelay: true, streamMode: true }, { tuned: true }],
  ['no cipher', {}, { cipher: 'none' }],
];

describe.skipIf(built.missing !== undefined)(`KCP${built.missing === undefined ? '' : ` (skipped: ${built.missing.split('\n')[0]})`}`, () => {
  for (const [name, ours, theirs] of setups) {
    it(`a TypeScript client calls a Go server: ${name}`, async () => {
      await using go = await startGoKcpServer(theirs);
      await using client = createClient({ servers: go.address, transports: [kcp(ours)], codecs });
      const arith = client.service(Arith);
      expect(await arith.Mul({ A: 6, B: 7 })).toEqual({ C: 42 });
      const answers = await Promise.all(Array.from({ length: 500 }, (_, n) => arith.Mul({ A: n, B: 3 })));
      expect(answers.every(({ C }, n) => C === 3 * n)).toBe(true);
    });

    it(`a Go client calls a TypeScript server: ${name}`, async () => {
      const logger = recordingLogger();
      await using peer = await startTypeScriptServer({ transports: [kcp(ours)], logger }, 'kcp@127.0.0.1:0');
      await using go = await GoKcpClient.start({ address: peer.address, ...theirs });
      expect(await go.many(2000, 50)).toMatchObject({ failed: 0, firstError: null });
      expect(await go.echo(300_000)).toMatchObject({ same: true });
      expect(logger.lines).toEqual([]);
    });
  }
});
