import { contract, currentAmbient, RpcError, unary, type Compressor, type Interceptor, type RawMessage, type ServerCall } from '@rpcxjs/core';
import { describe, expect, it } from 'vitest';
import { frame, heartbeatFlag, onewayFlag } from './frame.ts';
import { gate, openServer, until } from './open-server.ts';

const echo = (input: unknown) => input;
const nextTurn = () => new Promise<void>((resolve) => { setImmediate(resolve); });
const async: Interceptor<ServerCall> = (next) => async (call) => {
  await nextTurn();
  return next(call);
};

describe('request metadata', () => {
  it('are what was sent, frozen, and stay right for handlers that wait while others arrive', async () => {
    const seen: string[] = [];
    const errors: unknown[] = [];
    await using open = await openServer({}, (server) =>
      server.registerFunction('S', 'M', async (_: unknown, call: ServerCall) => {
        try {
          (call.metadata as Record<string, string>)['who'] = 'changed';
        } catch (error) {
          errors.push(error);
        }
        for (let turn = 0; turn < 3; turn++) await nextTurn();
        seen.push(`${call.metadata['who']} ${call.metadata['__ServerTimeout']}`);
        return call.metadata['who'];
      }),
    );
    const peer = await open.peer();
    const people = Array.from({ length: 100 }, (_, index) => `p${index % 7}`);
    for (const [index, who] of people.entries()) peer.send(frame({ service: 'S', method: 'M', sequence: BigInt(index), payload: '1', metadata: { who, __ServerTimeout: String(9000 + (index % 5)) } }));
    for (const [index, who] of people.entries()) expect((await peer.reply(BigInt(index))).payload.toString()).toBe(JSON.stringify(who));
    expect(seen.sort()).toEqual(people.map((who, index) => `${who} ${9000 + (index % 5)}`).sort());
    expect(errors).toHaveLength(100);
  });

  it('B7: take the last of two equal keys, any bytes, and never a line of the log', async () => {
    const seen: Readonly<Record<string, string>>[] = [];
    await using open = await openServer({}, (server) => server.registerFunction('S', 'M', (_: unknown, call: ServerCall) => void seen.push(call.metadata)));
    const peer = await open.peer();
    peer.send(frame({ service: 'S', method: 'M', sequence: 1n, payload: '1', metadata: [['k', 'first'], ['nul\0', 'a\0b'], ['crlf', 'a\r\nb'], [Buffer.from([0xff, 0x41]), Buffer.from([0xc0, 0x80])], ['k', 'last'], ['', '']] }));
    await peer.reply(1n);
    expect({ ...seen[0] }).toEqual({ k: 'last', 'nul\0': 'a\0b', crlf: 'a\r\nb', '\ufffdA': '\ufffd\ufffd', '': '' });
    expect(open.log).toEqual([]);
  });

  it('B7: may have 128 pairs and 16 KiB, exactly; above, the connection ends', async () => {
    await using open = await openServer({}, (server) => server.registerFunction('S', 'M', () => 1));
    const pairs = (count: number) => Array.from({ length: count }, (_, index) => [`k${index}`, 'v'] as const);
    const bytes = (count: number) => [['key', 'v'.repeat(count - 11)]] as const;
    for (const [metadata, fits] of [[pairs(128), true], [pairs(129), false], [bytes(16 * 1024), true], [bytes(16 * 1024 + 1), false]] as const) {
      const peer = await open.peer();
      peer.send(frame({ service: 'S', method: 'M', sequence: 1n, payload: '1', metadata }));
      if (fits) expect((await peer.reply(1n)).flags & 3).toBe(0);
      else {
        await peer.ended();
        expect(peer.frames).toEqual([]);
      }
    }
    expect(open.server.stats().protocolErrors).toBe(2);
  });
});

describe('response metadata', () => {
  it('travel with values, errors and raw replies, to the caller that asked', async () => {
    await using open = await openServer({}, (server) =>
      server
        .registerFunction('S', 'Now', (_: unknown, call: ServerCall) => {
          call.responseMetadata['k'] = '服';
          return 1;
        })
        .registerFunction('S', 'Later', async (_: unknown, call: ServerCall) => {
          await nextTurn();
          call.responseMetadata['k'] = 'late';
          return 1;
        })
        .registerFunction('S', 'Fails', (_: unknown, call: ServerCall) => {
          call.responseMetadata['k'] = 'with an error';
          throw new RpcError('aborted', 'x', { metadata: { more: 'm' } });
        })
        .handle('S', 'Raw', (message, call) => {
          call.responseMetadata['k'] = 'raw';
          return { ...message, metadata: { own: 'o' } };
        }),
    );
    const client = open.client();
    const metadataOf = (method: string) => new Promise((resolve, reject) => { client.call('S', method, 1, { onReply: ({ metadata }) => resolve({ ...metadata }) }).catch(reject); });
    expect(await metadataOf('Now')).toEqual({ k: '服' });
    expect(await metadataOf('Later')).toEqual({ k: 'late' });
    expect(await metadataOf('Raw')).toEqual({ k: 'raw', own: 'o' });
    await expect(client.call('S', 'Fails', 1)).rejects.toMatchObject({ metadata: { k: 'with an error', more: 'm' } });
  });

  it('cannot hide an error: its text wins over what a handler put there', async () => {
    await using open = await openServer({}, (server) =>
      server.registerFunction('S', 'M', (_: unknown, call: ServerCall) => {
        call.responseMetadata['__rpcx_error__'] = '';
        throw new RpcError('aborted', 'the truth', { metadata: { __rpcx_error__: 'a lie' } });
      }),
    );
    const peer = await open.peer();
    peer.send(frame({ service: 'S', method: 'M', sequence: 1n, payload: '1' }));
    expect((await peer.reply(1n)).metadata['__rpcx_error__']).toBe('the truth');
  });
});

describe('call.payload', () => {
  it('is there before and after decoding, and later if it was looked at before the first await', async () => {
    const kept: string[] = [];
    await using open = await openServer({}, (server) =>
      server.registerFunction('S', 'M', async (input: unknown, call: ServerCall) => {
        const { payload } = call;
        await nextTurn();
        kept.push(Buffer.from(payload).toString(), Buffer.from(call.payload).toString());
        return input;
      }),
    );
    const peer = await open.peer();
    peer.send(...['"a"', '"b"', '"c"'].map((payload, index) => frame({ service: 'S', method: 'M', sequence: BigInt(index), payload })));
    for (const sequence of [0n, 1n, 2n]) await peer.reply(sequence);
    expect(kept).toEqual(['"a"', '"a"', '"b"', '"b"', '"c"', '"c"']);
  });

  it('that is looked at too late is a typed error, never somebody else\'s bytes', async () => {
    const failures: unknown[] = [];
    await using open = await openServer({}, (server) =>
      server.registerFunction('S', 'M', async (input: unknown, call: ServerCall) => {
        await nextTurn();
        try {
          return Buffer.from(call.payload).toString();
        } catch (error) {
          failures.push(error);
          return input;
        }
      }),
    );
    const peer = await open.peer();
    peer.send(frame({ service: 'S', method: 'M', sequence: 1n, payload: '"mine"' }), frame({ service: 'S', method: 'M', sequence: 2n, payload: '"other"' }));
    expect((await peer.reply(1n)).payload.toString()).toBe('"mine"');
    expect(failures[0]).toMatchObject({ code: 'failed_precondition', reason: 'BAD_PAYLOAD' });
  });

  it('and input are kept for handlers behind an asynchronous interceptor', async () => {
    await using open = await openServer({ intercept: [async] }, (server) => server.registerFunction('S', 'M', (input: unknown, call: ServerCall) => `${JSON.stringify(input)} ${Buffer.from(call.payload).toString()}`));
    const peer = await open.peer();
    for (let sequence = 0n; sequence < 50n; sequence++) peer.send(frame({ service: 'S', method: 'M', sequence, payload: String(sequence) }));
    for (let sequence = 0n; sequence < 50n; sequence++) expect((await peer.reply(sequence)).payload.toString()).toBe(`"${sequence} ${sequence}"`);
  });
});

describe('interceptors', () => {
  it('run in their order, plugins before options before the service\'s, and see the reply on its way out', async () => {
    const steps: string[] = [];
    const step = (name: string): Interceptor<ServerCall> => (next) => async (call) => {
      steps.push(`> ${name}`);
      const reply = await next(call);
      steps.push(`< ${name} ${JSON.stringify(reply.output)}`);
      return { output: `${String(reply.output)}+${name}`, metadata: { ...reply.metadata, [name]: 'was here' } };
    };
    await using open = await openServer({ plugins: [{ name: 'p', intercept: step('plugin') }], intercept: [step('first'), step('second')], auth: () => (steps.push('> auth'), true) }, (server) =>
      server.register('S', { M: (_: unknown, call: ServerCall) => ((call.responseMetadata['handler'] = 'too'), 'value') }, { methods: ['M'], intercept: [step('own')] }),
    );
    const client = open.client();
    let metadata: object = {};
    expect(await client.call('S', 'M', 1, { onReply: (reply) => (metadata = { ...reply.metadata }) })).toBe('value+own+second+first+plugin');
    expect(steps).toEqual(['> auth', '> plugin', '> first', '> second', '> own', '< own "value"', '< second "value+own"', '< first "value+own+second"', '< plugin "value+own+second+first"']);
    expect(metadata).toEqual({ plugin: 'was here', first: 'was here', second: 'was here', own: 'was here', handler: 'too' });
  });

  it('may refuse, answer themselves, and change the input', async () => {
    let ran = 0;
    const gatekeeper: Interceptor<ServerCall> = (next) => (call) => {
      if (call.metadata['do'] === 'refuse') throw new RpcError('permission_denied', 'not you');
      if (call.metadata['do'] === 'answer') return { output: 'cached', metadata: {} };
      if (call.metadata['do'] === 'nothing') return undefined as never;
      return next(call.with({ input: [call.input] }));
    };
    await using open = await openServer({ intercept: [gatekeeper] }, (server) => server.registerFunction('S', 'M', (input: unknown) => ((ran += 1), input)).handle('S', 'Raw', (message) => message));
    const client = open.client();
    const ask = (what: string, service = 'S', method = 'M') => client.call(service, method, 'x', { metadata: { do: what } });
    await expect(ask('refuse')).rejects.toMatchObject({ code: 'permission_denied', message: 'not you' });
    expect(await ask('answer')).toBe('cached');
    expect(await ask('answer', 'Nobody', 'Nothing'), 'also for what is not registered').toBe('cached');
    await expect(ask('nothing')).rejects.toMatchObject({ code: 'unknown', reason: 'HANDLER_THREW', message: 'an interceptor of S.M returned no reply: return what next(call) gives, or { output, metadata }' });
    expect(ran).toBe(0);
    expect(await ask('go on')).toEqual(['x']);
    const peer = await open.peer();
    peer.send(frame({ service: 'S', method: 'M', sequence: 1n, codecId: 13, payload: '1', metadata: { do: 'answer' } }));
    expect((await peer.reply(1n)).metadata['__rpcx_error__'], 'in a codec that nobody knows').toContain('can not find codec for 13');
  });

  it.each([[undefined], [null], ['text'], [[1, 2]], [new ArrayBuffer(8)]])('whose compressor gives %j for its reply fails alone, at once or later', async (given) => {
    const junk = (id: number, compress: () => unknown): Compressor => ({ id, name: `z${id}`, compress: compress as Compressor['compress'], decompress: (bytes) => bytes });
    await using open = await openServer({ compressors: [junk(2, () => given), junk(3, () => Promise.resolve(given))] }, (server) => server.registerFunction('S', 'M', (size: number) => 'x'.repeat(size)));
    const peer = await open.peer();
    for (const id of [2, 3]) {
      peer.send(frame({ service: 'S', method: 'M', sequence: BigInt(id), flags: id << 2, payload: '2000' }), frame({ service: 'S', method: 'M', sequence: BigInt(id * 10), flags: id << 2, payload: '5' }));
      expect((await peer.reply(BigInt(id))).metadata['__rpcx_error__']).toBe(`the reply of S.M cannot be sent: the compressor ${id} gave no Uint8Array`);
      expect((await peer.reply(BigInt(id * 10))).payload.toString()).toBe('"xxxxx"');
    }
    expect(open.server.stats().running).toBe(0);
  });

  it('that change what a call does not let them change are told what it lets them', async () => {
    const wrong: Interceptor<ServerCall> = (next) => (call) => next(call.with({ metadata: {} } as object));
    await using open = await openServer({ intercept: [wrong] }, (server) => server.registerFunction('S', 'M', (input: unknown) => input));
    await expect(open.client().call('S', 'M', 1)).rejects.toMatchObject({ message: 'call.with() has no option "metadata": it takes service, method, input' });
  });

  describe('that change the names', () => {
    const rename: Interceptor<ServerCall> = (next) => (call) => {
      const to = call.metadata['to']?.split('/');
      return next(to === undefined ? call : call.with({ service: to[0] ?? '', method: to[1] ?? '' }));
    };
    const target = contract('Target', { M: unary<unknown, string>() });
    const raw = (message: RawMessage): RawMessage => ({ ...message, metadata: {}, compressorId: 0, payload: Buffer.from(JSON.stringify(`raw ${message.service}.${message.method} ${Buffer.from(message.payload).toString()} ${message.compressorId}`)) });
    const compressors = [{ id: 1, name: 'z', compress: (bytes: Uint8Array) => bytes, decompress: (bytes: Uint8Array) => bytes.subarray(1) }];

    it.each([[[rename]], [[async, rename]], [[rename, async]]])('lead to the method that they name, from values, raw handlers and what is not there', async (intercept) => {
      let guarded = 0;
      const guard: Interceptor<ServerCall> = (next) => (call) => {
        guarded += 1;
        if (call.metadata['admin'] !== 'yes') throw new RpcError('permission_denied', 'admins only');
        return next(call);
      };
      await using open = await openServer({ intercept, compressors }, (server) =>
        server
          .register(target, { M: (input, call) => `target ${JSON.stringify(input)} ${call.service}.${call.method}` })
          .register('Admin', { M: () => 'secret' }, { methods: ['M'], intercept: [guard] })
          .registerFunction('S', 'M', () => 'original')
          .handle('Raw', 'M', raw)
          .handle('Any', undefined, raw),
      );
      const peer = await open.peer();
      let sequence = 0n;
      const call = async (from: string, to: string, flags = 0, more: Record<string, string> = {}) => {
        const [service = '', method = ''] = from.split('/');
        peer.send(frame({ service, method, sequence: (sequence += 1n), flags, payload: flags === 0 ? '5' : 'z5', metadata: { to, ...more } }));
        const reply = await peer.reply(sequence);
        return reply.metadata['__rpcx_error__'] ?? (JSON.parse(reply.payload.toString()) as string);
      };
      for (const from of ['S/M', 'Raw/M', 'Any/thing', 'Nobody/Nothing', 'S/Nothing', 'Target/M']) {
        for (const flags of [0, 0x04]) {
          expect(await call(from, 'Target/M', flags), `${from} ${flags}`).toBe('target 5 Target.M');
          expect(await call(from, 'Nobody/M', flags)).toBe("rpcx: can't find service Nobody");
          expect(await call(from, 'S/X', flags)).toBe("rpcx: can't find method X");
          expect(await call(from, 'Admin/M', flags), 'past nobody\'s guard').toBe('admins only');
          expect(await call(from, 'Admin/M', flags, { admin: 'yes' })).toBe('secret');
        }
        expect(await call(from, 'Any/other')).toBe('raw Any.other 5 0');
      }
      expect(await call('Raw/M', 'Any/other', 0x04)).toBe('raw Any.other z5 1');
      expect(await call('S/M', 'Any/other', 0x04), 'inflated already').toBe('raw Any.other 5 0');
      expect(guarded).toBe(24);
    });
  });
});

describe('low-level handlers', () => {
  it('get payload, codec, metadata and names as they came, and reply with anything', async () => {
    const seen: RawMessage[] = [];
    await using open = await openServer({}, (server) =>
      server.handle('R', undefined, (message) => {
        seen.push(message);
        return { ...message, metadata: { answer: 'yes' }, payload: Buffer.from([0, 1, 2]), codecId: 11, error: message.method === 'Fail' };
      }).handle('R', 'Own', (message) => ({ ...message, payload: Buffer.from('own') })),
    );
    const peer = await open.peer();
    peer.send(frame({ service: 'R', method: 'Anything', sequence: 2n ** 63n, codecId: 9, metadata: { a: 'b' }, payload: Buffer.from([9, 8, 7]) }), frame({ service: 'R', method: 'Fail', sequence: 2n }), frame({ service: 'R', method: 'Own', sequence: 3n }));
    expect(await peer.reply(2n ** 63n)).toMatchObject({ codecId: 11, metadata: { answer: 'yes' }, payload: Buffer.from([0, 1, 2]), service: 'R', method: 'Anything' });
    expect(await peer.reply(2n)).toMatchObject({ flags: 0x81, metadata: { answer: 'yes', __rpcx_error__: expect.stringMatching(/./) as string } });
    expect((await peer.reply(3n)).payload.toString()).toBe('own');
    expect(seen[0]).toMatchObject({ service: 'R', method: 'Anything', codecId: 9, compressorId: 0, oneway: false, error: false, payload: new Uint8Array([9, 8, 7]) });
    expect({ ...seen[0]?.metadata }).toEqual({ a: 'b' });
  });

  it('pass a call on untouched: a gateway of one line', async () => {
    await using behind = await openServer({}, (server) => server.registerFunction('S', 'M', (input: unknown) => ({ got: input })).registerFunction('S', 'Fail', () => { throw new Error('behind'); }));
    const inner = behind.client();
    await using front = await openServer({}, (server) => server.handle('S', undefined, (message) => inner.raw(message)));
    const client = front.client();
    expect(await client.call('S', 'M', { a: 1 })).toEqual({ got: { a: 1 } });
    await expect(client.call('S', 'Fail', 1)).rejects.toMatchObject({ message: 'behind' });
  });
});

describe('what a handler may look at', () => {
  it('is the call, its peer and the values that live as long as either', async () => {
    const key = { description: 'count', defaultValue: 0 };
    await using open = await openServer({}, (server) =>
      server.registerFunction('S', 'M', (_: unknown, call: ServerCall) => {
        call.values.set(key, call.values.get(key) + 1);
        call.peer.values.set(key, call.peer.values.get(key) + 1);
        return { service: call.service, method: call.method, codec: call.codec, oneway: call.oneway, deadline: call.deadline, mine: call.values.get(key), ours: call.peer.values.get(key), remote: call.peer.remote?.network, ambient: currentAmbient()?.deadline };
      }),
    );
    const client = open.client();
    const same = { service: 'S', method: 'M', codec: 'json', oneway: false, mine: 1, remote: 'memory' };
    expect(await client.call('S', 'M', 1, { timeoutMs: Infinity })).toEqual({ ...same, ours: 1 });
    expect(await client.call('S', 'M', 1, { timeoutMs: 5000 })).toMatchObject({ ...same, ours: 2, deadline: expect.any(Number) as number, ambient: expect.any(Number) as number });
    expect(await open.client().call('S', 'M', 1)).toMatchObject({ ...same, ours: 1 });
    expect([...open.server.peers()].map(({ id }) => id)).toEqual(['1', '2']);
    for (const peer of open.server.peers()) await peer.close();
    await until(() => open.server.stats().connections === 0);
  });

  it('is inherited by what it calls: the deadline of the first holds for all', async () => {
    const remaining: (number | undefined)[] = [];
    await using last = await openServer({}, (server) => server.registerFunction('S', 'Last', (_: unknown, call: ServerCall) => void remaining.push(call.remainingMs())));
    const inner = last.client();
    await using first = await openServer({}, (server) => server.registerFunction('S', 'First', async () => {
      await nextTurn();
      return inner.call('S', 'Last', 1);
    }));
    await first.client().call('S', 'First', 1, { timeoutMs: 700 });
    expect(remaining[0]).toBeLessThanOrEqual(700);
    expect(remaining[0]).toBeGreaterThan(300);
  });
});

describe('frames that are no calls', () => {
  it('responses sent to a server are dropped, and unknown flags change nothing', async () => {
    await using open = await openServer({}, (server) => server.registerFunction('S', 'M', echo));
    const peer = await open.peer();
    peer.send(frame({ service: 'S', method: 'M', sequence: 1n, flags: 0x80, payload: '1' }), frame({ service: 'S', method: 'M', sequence: 2n, flags: 0x03, payload: '2' }), frame({ flags: heartbeatFlag | 0x80, sequence: 3n }), frame({ service: 'S', method: 'M', sequence: 4n, payload: '4' }));
    expect((await peer.reply(4n)).payload.toString()).toBe('4');
    expect(await peer.reply(2n)).toMatchObject({ flags: 0x80 });
    expect(peer.frames).toHaveLength(2);
  });

  it('a control message of somebody who did not agree is dropped, a call of that path is not found', async () => {
    await using open = await openServer({}, (server) => server.registerFunction('S', 'M', echo));
    const peer = await open.peer();
    peer.send(frame({ service: '_rpcxjs', method: 'cancel.1', sequence: 1n, flags: onewayFlag }), frame({ service: '_rpcxjs', method: 'cancel.1', sequence: 2n }), frame({ service: 'S', method: 'M', sequence: 3n, payload: '3' }));
    expect((await peer.reply(2n)).metadata['__rpcx_error__']).toBe("rpcx: can't find service _rpcxjs");
    await peer.reply(3n);
    expect(peer.frames).toHaveLength(2);
  });
});

describe('J3: sequence numbers', () => {
  it('come back bit by bit, whatever they are', async () => {
    await using open = await openServer({}, (server) => server.registerFunction('S', 'Now', echo).registerFunction('S', 'Later', async (input: unknown) => (await nextTurn(), input)));
    const peer = await open.peer();
    const numbers = [0n, 1n, 2n ** 31n - 1n, 2n ** 31n, 2n ** 32n - 1n, 2n ** 32n, 2n ** 53n - 2n, 2n ** 53n - 1n, 2n ** 53n, 2n ** 53n + 1n, 2n ** 63n - 1n, 2n ** 63n, 2n ** 64n - 2n, 2n ** 64n - 1n];
    for (const method of ['Now', 'Later', 'Nothing']) {
      for (const sequence of numbers) {
        peer.frames.length = 0;
        peer.send(frame({ service: 'S', method, sequence, payload: `"${sequence}"` }));
        const reply = await peer.reply(sequence);
        if (method !== 'Nothing') expect(reply.payload.toString()).toBe(`"${sequence}"`);
      }
    }
  });

  it('that a hostile peer repeats get a reply each, with their own content', async () => {
    const holds = new Map<number, () => void>();
    const signals: AbortSignal[] = [];
    await using open = await openServer({}, (server) => server.registerFunction('S', 'Hold', (input: number, call: ServerCall) => {
      signals.push(call.signal);
      return new Promise((resolve) => holds.set(input, () => resolve(input)));
    }));
    const peer = await open.peer();
    for (let input = 0; input < 50; input++) peer.send(frame({ service: 'S', method: 'Hold', sequence: BigInt(input % 2) * 2n ** 63n + 7n, payload: String(input) }));
    await until(() => holds.size === 50);
    for (const [input, release] of [...holds].reverse()) if (input >= 10) release();
    await until(() => peer.frames.length === 40);
    expect(peer.frames.map(({ payload }) => Number(payload.toString())).sort((a, b) => a - b)).toEqual(Array.from({ length: 40 }, (_, index) => index + 10));
    for (const { sequence, payload } of peer.frames) expect(sequence).toBe(BigInt(Number(payload.toString()) % 2) * 2n ** 63n + 7n);
    peer.connection.abort();
    await until(() => signals.every(({ aborted }, index) => aborted === index < 10));
    for (const release of holds.values()) release();
    await until(() => open.server.stats().running === 0);
  });

  it('of a reply that comes late meet no other call: its number is not used again', async () => {
    const hold = gate<string>();
    await using open = await openServer({}, (server) => server.registerFunction('S', 'Hold', () => hold.promise).registerFunction('S', 'Echo', echo));
    const client = open.client();
    await client.call('S', 'Echo', 0);
    await expect(client.call('S', 'Hold', 1, { timeoutMs: 20 })).rejects.toMatchObject({ code: 'deadline_exceeded' });
    const calls = Array.from({ length: 300 }, (_, index) => client.call('S', 'Echo', index));
    hold.open('late');
    expect(await Promise.all(calls)).toEqual(Array.from({ length: 300 }, (_, index) => index));
    await until(() => client.stats().lateReplies === 1);
    expect(await client.call('S', 'Echo', 'next')).toBe('next');
  });
});
