import { contract, RpcError, silentLogger, unary, type Codec, type Logger, type StandardSchema } from '@rpcxjs/core';
import { gzip } from '@rpcxjs/compress-gzip';
import { describe, expect, it } from 'vitest';
import type { ServerOptions } from '../src/index.ts';
import { frame, heartbeatFlag, onewayFlag, type FrameParts } from './frame.ts';
import { openServer, until, type OpenServer } from './open-server.ts';

const base: FrameParts = { service: 'S', method: 'M', payload: '1' };
const compressed = (id: number): number => id << 2;
const number: StandardSchema<number> = { '~standard': { version: 1, vendor: 'test', validate: (value) => (typeof value === 'number' ? { value } : { issues: [{ message: 'is no number' }] }) } };

/** What a peer may send as often as it likes, and the reason of its refusal. */
const refused: readonly (readonly [string, FrameParts, string])[] = [
  ['an unknown service', { ...base, service: 'Nobody' }, 'UNKNOWN_SERVICE'],
  ['an unknown method', { ...base, method: 'Nothing' }, 'UNKNOWN_METHOD'],
  ['an alias for nothing', { ...base, method: 'Alias' }, 'UNKNOWN_METHOD'],
  ['an unknown codec', { ...base, codecId: 9 }, 'UNKNOWN_CODEC'],
  ['an unknown compressor', { ...base, flags: compressed(5) }, 'UNKNOWN_COMPRESSOR'],
  ['no JSON', { ...base, payload: '{' }, 'BAD_PAYLOAD'],
  ['JSON that is too deep', { ...base, payload: '['.repeat(200) }, 'BAD_PAYLOAD'],
  ['no gzip', { ...base, flags: compressed(1), payload: 'twenty bytes, no gzip' }, 'BAD_PAYLOAD'],
  ['an invalid input', { ...base, service: 'V', method: 'Check', payload: '"one"' }, 'INVALID_INPUT'],
  ['a bad token', { ...base, metadata: { __AUTH: 'bad' } }, 'UNAUTHENTICATED'],
];

function open(options: ServerOptions): Promise<OpenServer> {
  const checked = contract('V', { Check: unary({ input: number, output: number }) });
  return openServer({ compressors: [gzip], ...options }, (server) =>
    server.registerFunction('S', 'M', (input: unknown) => input).register(checked, { Check: (input) => input }));
}

describe('a refusal that a peer may cause as often as it likes', () => {
  it.each(refused)('of %s costs no stack, and interceptors and mapError see an RpcError with all that the caller gets', async (_name, parts, reason) => {
    const seen: unknown[] = [];
    const mapped: unknown[] = [];
    await using setup = await open({
      auth: (token) => token !== 'bad',
      intercept: [
        (next) => async (call) => {
          try {
            return await next(call);
          } catch (error) {
            seen.push(error);
            throw error;
          }
        },
        (next) => (call) => next(call.method === 'Alias' ? call.with({ method: 'Nothing' }) : call),
      ],
      mapError: (error) => void mapped.push(error),
    });
    const peer = await setup.peer();
    peer.send(frame({ flags: heartbeatFlag, sequence: 99n, metadata: { _rpcxjs: '1;n=0123456789abcdef;errors.1' } }));
    const count = reason === 'UNAUTHENTICATED' ? 1 : 2;
    for (let sequence = 1n; sequence <= count; sequence++) {
      peer.send(frame({ ...parts, sequence }));
      const { metadata } = await peer.reply(sequence);
      expect(JSON.parse(metadata['_rpcxjs-error'] ?? '{}')).toMatchObject({ reason });
      expect((mapped.at(-1) as Error).message).toBe(metadata['__rpcx_error__']);
    }
    expect(mapped).toHaveLength(count);
    if (reason === 'UNAUTHENTICATED' || reason === 'UNKNOWN_COMPRESSOR' || _name === 'no gzip') expect(seen).toEqual([]);
    else expect(seen).toEqual(mapped);
    const last = mapped.at(-1);
    expect(RpcError.is(last)).toBe(true);
    expect(last).toMatchObject({ reason, sent: true, remote: false });
    // Of payloads that cannot be read, it is the first one that may help to find a broken client.
    expect((last as Error).stack).not.toMatch(/\n +at /);
    expect(new Error('afterwards').stack).toMatch(/\n +at /);
  });

  it('has the same answer where nobody is there to see it', async () => {
    for (const [name, parts, reason] of refused.filter(([, { method, metadata }]) => method !== 'Alias' && metadata === undefined)) {
      await using setup = await open({});
      const peer = await setup.peer();
      peer.send(frame({ flags: heartbeatFlag, sequence: 99n, metadata: { _rpcxjs: '1;n=0123456789abcdef;errors.1' } }), frame({ ...parts, sequence: 1n }), frame({ ...parts, sequence: 2n, flags: (parts.flags ?? 0) | onewayFlag }), frame({ ...base, sequence: 3n }));
      expect(JSON.parse((await peer.reply(1n)).metadata['_rpcxjs-error'] ?? '{}'), name).toMatchObject({ reason });
      expect((await peer.reply(3n)).payload.toString(), name).toBe('1');
      await until(() => setup.server.stats().failed === 2);
      expect(setup.server.stats(), name).toMatchObject({ calls: 3, failed: 2, oneways: 1, running: 0 });
    }
  });

  it('of a call whose caller gives up has no stack for its handler either', async () => {
    const reasons: unknown[] = [];
    await using setup = await openServer({}, (server) => server.registerFunction('S', 'Wait', (_: unknown, { signal }) => new Promise((resolve) => { signal.addEventListener('abort', () => resolve(reasons.push(signal.reason))); })));
    const peer = await setup.peer();
    const control = { service: '_rpcxjs', method: 'cancel.1', flags: onewayFlag };
    peer.send(frame({ flags: heartbeatFlag, sequence: 99n, metadata: { _rpcxjs: '1;n=0123456789abcdef;cancel.1' } }), frame({ service: 'S', method: 'Wait', sequence: 1n }), frame({ ...control, sequence: 1n }));
    await until(() => reasons.length === 1);
    expect(reasons[0]).toMatchObject({ code: 'canceled', reason: 'ABORTED' });
    expect((reasons[0] as Error).stack).not.toMatch(/\n +at /);
  });

  it('of what a codec throws that is no RpcError names the codec, and not the handler, once in the log of a connection', async () => {
    const careless: Codec = { id: 9, name: 'careless', encode: () => {}, decode: () => { throw new Error('index 7 is out of range'); } };
    for (const exposeMessages of [true, false]) {
      const warned: string[] = [];
      const logger: Logger = { ...silentLogger, warn: (_fields, message) => void warned.push(message), child: () => logger };
      await using open = await openServer({ codecs: [careless], exposeMessages, logger }, (server) => server.registerFunction('S', 'M', (input: unknown) => input));
      const peer = await open.peer();
      for (const sequence of [1n, 2n]) {
        peer.send(frame({ service: 'S', method: 'M', sequence, codecId: 9, payload: 'x' }));
        expect((await peer.reply(sequence)).metadata['__rpcx_error__']).toBe(`the input of S.M cannot be read by the codec careless: ${exposeMessages ? 'index 7 is out of range' : 'it failed'}`);
      }
      expect(warned).toEqual(['the codec careless threw what is no RpcError with reason BAD_PAYLOAD']);
    }
  });
});
