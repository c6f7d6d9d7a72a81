import { gzipSync } from 'node:zlib';
import { RpcError, type Codec, type Compressor } from '@rpcxjs/core';
import { describe, expect, it } from 'vitest';
import type { ServerOptions } from '../src/index.ts';
import { frame, heartbeatFlag, onewayFlag } from './frame.ts';
import { gate, openServer, until } from './open-server.ts';

const gzipFlag = 0x04;

/** Counts whoever is reached by a call. */
function spies() {
  const counts = { handled: 0, decoded: 0, inflated: 0, intercepted: 0, raw: 0 };
  const codec: Codec = { id: 1, name: 'json', encode: (_, writer) => writer.appendUtf8('1'), decode: () => (counts.decoded += 1) };
  const compressor: Compressor = { id: 1, name: 'gzip', compress: (bytes) => bytes, decompress: (bytes) => ((counts.inflated += 1), bytes) };
  const options: ServerOptions = {
    codecs: [codec],
    compressors: [compressor],
    intercept: [(next) => (call) => ((counts.intercepted += 1), next(call))],
    auth: (token) => token === 'good',
  };
  const register = (server: Parameters<Parameters<typeof openServer>[1]>[0]) =>
    server
      .registerFunction('S', 'M', () => (counts.handled += 1))
      .handle('S', 'Raw', (message) => ((counts.raw += 1), message))
      .register('G', { M: () => (counts.handled += 1) }, { methods: ['M'], intercept: [(next) => (call) => ((counts.intercepted += 1), next(call))] });
  return { counts, options, register };
}
const nobody = { handled: 0, decoded: 0, inflated: 0, intercepted: 0, raw: 0 };

describe('C7: a bad token', () => {
  it.each([['bad', 'bad'], ['empty', ''], ['missing', undefined], ['almost right', 'good '], ['in another case', 'GOOD'], ['longer', 'goodgood']])(
    'that is %s reaches neither interceptor, inflater, decoder nor handler, is told so, and its connection ends', async (_name, token) => {
      const { counts, options, register } = spies();
      await using open = await openServer(options, register);
      for (const [service, method] of [['S', 'M'], ['S', 'Raw'], ['G', 'M'], ['S', 'Nothing'], ['Nobody', 'M']] as const) {
        for (const flags of [0, gzipFlag]) {
          const peer = await open.peer();
          peer.send(frame({ service, method, sequence: 5n, flags, payload: flags === 0 ? '1' : gzipSync('1'), metadata: token === undefined ? {} : { __AUTH: token } }));
          const reply = await peer.reply(5n);
          expect(reply.flags & 3).toBe(1);
          expect(reply.metadata['__rpcx_error__']).toMatch(/^the token of this call of .* was not accepted/);
          expect(await peer.ended(), 'ended cleanly, behind the refusal').toBeUndefined();
          expect(peer.frames).toHaveLength(1);
        }
      }
      expect(counts).toEqual(nobody);
    },
  );

  it('has a typed error for our client, and leaves others alone', async () => {
    const { counts, options, register } = spies();
    await using open = await openServer(options, register);
    const good = open.client({ token: 'good' });
    await good.call('S', 'M', 1);
    await expect(open.client({ token: 'bad' }).call('S', 'M', 1)).rejects.toMatchObject({ code: 'unauthenticated', reason: 'UNAUTHENTICATED', remote: true });
    await expect(open.client().call('S', 'M', 1)).rejects.toMatchObject({ code: 'unauthenticated' });
    await good.call('S', 'M', 1);
    expect(good.stats().connections).toBe(1);
    expect(counts.handled).toBe(2);
    await until(() => open.server.stats().connections === 1);
  });

  it('on a one-way call ends the connection without a word', async () => {
    const { counts, options, register } = spies();
    await using open = await openServer(options, register);
    const peer = await open.peer();
    peer.send(frame({ service: 'S', method: 'M', flags: onewayFlag, payload: '1', metadata: { __AUTH: 'bad' } }));
    await peer.ended();
    expect(peer.frames).toEqual([]);
    expect(counts).toEqual(nobody);
  });

  it('ends what was sent behind it, a guess for each frame or a good token: nothing after the refusal runs', async () => {
    const { counts, options, register } = spies();
    let asked = 0;
    await using open = await openServer({ ...options, auth: (token) => ((asked += 1), token === 'good') }, register);
    const peer = await open.peer();
    peer.send(...['bad', 'worse', 'good', 'bad'].map((token, index) => frame({ service: 'S', method: 'M', sequence: BigInt(index), payload: '1', metadata: { __AUTH: token } })));
    await peer.ended();
    expect(asked).toBe(1);
    expect(counts).toEqual(nobody);
    expect(peer.frames).toHaveLength(1);
  });

  it('whose check throws what is no RpcError is in the log, because the caller cannot know that its token may be good', async () => {
    const { options, register } = spies();
    await using open = await openServer({ ...options, auth: (token) => { throw token === 'mine' ? new RpcError('unavailable', 'ask later') : new Error('the token store is gone'); } }, register);
    await open.client({ token: 'mine' }).call('S', 'M', 1).catch(() => {});
    expect(open.log).toEqual([]);
    await open.client({ token: 'good' }).call('S', 'M', 1).catch(() => {});
    expect(open.log).toMatchObject([{ level: 'error', message: 'auth threw, and the call is refused', fields: { service: 'S', method: 'M', err: { message: 'the token store is gone' } } }]);
  });

  it('is refused as well when the check takes its time, throws or rejects', async () => {
    const { counts, options, register } = spies();
    for (const auth of [() => Promise.resolve(false), () => { throw new Error('the token store is gone'); }, () => Promise.reject(new RpcError('unavailable', 'ask later'))] as const) {
      await using open = await openServer({ ...options, auth }, register);
      const peer = await open.peer();
      peer.send(frame({ service: 'S', method: 'M', sequence: 1n, flags: gzipFlag, payload: gzipSync('1') }));
      const reply = await peer.reply(1n);
      expect(reply.metadata['__rpcx_error__']).not.toContain('token store');
      await peer.ended();
    }
    expect(counts).toEqual(nobody);
  });
});

describe('C7: a good token', () => {
  it('is checked for each call with the exact names, in whatever time it takes, and the payload is kept meanwhile', async () => {
    const asked: string[] = [];
    const slow = gate();
    await using open = await openServer(
      { auth: async (token, call) => { asked.push(`${token} ${call.service} ${call.method}`); await slow.promise; return true; } },
      (server) => server.registerFunction('S', 'M', (input: unknown) => input),
    );
    const client = open.client({ token: () => `t${asked.length}` });
    const calls = [client.call('S', 'M', 'a'), client.call('S', 'M', 'b')];
    await until(() => asked.length === 2);
    slow.open();
    expect(await Promise.all(calls)).toEqual(['a', 'b']);
    expect(asked).toEqual(['t0 S M', 't0 S M']);
  });

  it('is not needed for heartbeats, which are public', async () => {
    const { counts, options, register } = spies();
    await using open = await openServer(options, register);
    const peer = await open.peer();
    peer.send(frame({ flags: heartbeatFlag, sequence: 3n, payload: 'beat', metadata: { __AUTH: 'bad' } }));
    expect(await peer.reply(3n)).toMatchObject({ flags: heartbeatFlag | 0x80, metadata: { __AUTH: 'bad' } });
    peer.send(frame({ service: 'S', method: 'M', sequence: 4n, payload: '1', metadata: { __AUTH: 'good' } }));
    expect((await peer.reply(4n)).flags & 3).toBe(0);
    expect(counts.handled).toBe(1);
  });
});

describe('compressed payloads', () => {
  it('are inflated whoever stands in between: nobody, the server\'s interceptors, the service\'s, or a token', async () => {
    const through: Parameters<typeof openServer>[0][] = [{}, { intercept: [(next) => (call) => next(call)] }, { auth: () => true }, { auth: async () => true, intercept: [(next) => async (call) => next(call)] }];
    const compressor: Compressor = { id: 1, name: 'gzip', compress: (bytes) => gzipSync(bytes), decompress: async (bytes) => Buffer.from(bytes).subarray(1) };
    for (const options of through) {
      await using open = await openServer({ ...options, compressors: [compressor] }, (server) =>
        server
          .register('Own', { M: (input: unknown) => input }, { methods: ['M'], intercept: [(next) => (call) => next(call)] })
          .registerFunction('S', 'M', (input: unknown) => input)
          .handle('R', 'M', (message) => ({ ...message, compressorId: 0, payload: Buffer.from(`"${message.payload.length} ${message.compressorId}"`) })),
      );
      const peer = await open.peer();
      let sequence = 0n;
      for (const [service, said] of [['S', '"text"'], ['Own', '"text"'], ['R', '"7 1"']] as const) {
        peer.send(frame({ service, method: 'M', sequence: (sequence += 1n), flags: gzipFlag, payload: 'z"text"' }));
        expect((await peer.reply(sequence)).payload.toString(), service).toBe(said);
      }
    }
  });

  it('of an unknown compressor are a typed error, whoever stands in between, and the connection stays', async () => {
    for (const options of [{}, { auth: () => true }, { intercept: [(next: never) => next] }] as Parameters<typeof openServer>[0][]) {
      await using open = await openServer(options, (server) => server.registerFunction('S', 'M', (input: unknown) => input));
      const peer = await open.peer();
      peer.send(frame({ service: 'S', method: 'M', sequence: 1n, flags: 6 << 2, payload: 'zzz' }), frame({ service: 'S', method: 'M', sequence: 2n, payload: '1' }));
      expect((await peer.reply(1n)).metadata['__rpcx_error__']).toContain('no compressor for 6');
      expect((await peer.reply(2n)).payload.toString()).toBe('1');
    }
  });

  it('whose compressor throws or rejects anything at all are this call\'s error', async () => {
    const wild = (id: number, decompress: Compressor['decompress']): Compressor => ({ id, name: `c${id}`, compress: (bytes) => bytes, decompress });
    const compressors = [wild(1, () => { throw undefined; }), wild(2, () => Promise.reject(new Proxy({}, { get: () => { throw new Error('x'); } }))), wild(3, () => undefined as never), wild(4, async () => 'text' as never)];
    await using open = await openServer({ compressors }, (server) => server.registerFunction('S', 'M', (input: unknown) => input));
    const peer = await open.peer();
    for (const id of [1, 2, 3, 4]) peer.send(frame({ service: 'S', method: 'M', sequence: BigInt(id), flags: id << 2, payload: 'zzz' }));
    for (const id of [1, 2, 3, 4]) {
      const reply = await peer.reply(BigInt(id));
      expect([reply.flags & 3, reply.metadata['__rpcx_error__']]).toEqual([1, expect.stringContaining(`the input of S.M cannot be read by the compressor c${id}: `)]);
    }
    peer.send(frame({ service: 'S', method: 'M', sequence: 9n, payload: '1' }));
    expect((await peer.reply(9n)).flags & 3).toBe(0);
  });
});
