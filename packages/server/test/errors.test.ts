import { contract, RpcError, unary, type Codec, type ServerCall } from '@rpcxjs/core';
import { describe, expect, it } from 'vitest';
import { frame, heartbeatFlag, onewayFlag, type ReadFrame } from './frame.ts';
import { openServer, until, type OpenServer } from './open-server.ts';

const offer = frame({ flags: heartbeatFlag, sequence: 999_999n, metadata: { _rpcxjs: '1;n=0123456789abcdef;cancel.1,errors.1' } });
const hostile = (): never => {
  throw new Error('a getter threw');
};
const throwing = (target: object): object => new Proxy(target, { get: hostile, has: hostile, getPrototypeOf: hostile, ownKeys: hostile, getOwnPropertyDescriptor: hostile });

class GetterError extends RpcError<string> {
  declare readonly code: string;
  constructor(...names: readonly string[]) {
    super('aborted', 'the message');
    for (const name of names) Object.defineProperty(this, name, { get: hostile });
  }
}

const cyclic: Record<string, unknown> = { message: 'cyclic' };
cyclic['self'] = cyclic;

const thrown: Readonly<Record<string, () => unknown>> = {
  Error: () => new Error('the price is missing'),
  'Error without a message': () => new Error(''),
  'Error with a cause': () => new Error('outer', { cause: new Error('inner secret') }),
  TypeError: () => new TypeError('x is not a function'),
  string: () => 'just text',
  'empty string': () => '',
  undefined: () => undefined,
  null: () => null,
  number: () => 42,
  bigint: () => 42n,
  symbol: () => Symbol('sym'),
  function: () => hostile,
  cyclic: () => cyclic,
  'null prototype': () => Object.create(null) as unknown,
  'getter for message': () => Object.defineProperty(new Error('m'), 'message', { get: hostile }),
  'object with a throwing getter': () => Object.defineProperty({}, 'message', { get: hostile }),
  'toString that throws': () => ({ toString: hostile, [Symbol.toPrimitive]: hostile }),
  Proxy: () => throwing({}),
  'Proxy of an Error': () => throwing(new Error('m')),
  'Proxy of an RpcError': () => throwing(new RpcError('aborted', 'm')),
  'revoked Proxy': () => {
    const { proxy, revoke } = Proxy.revocable({}, {});
    revoke();
    return proxy;
  },
  RpcError: () => new RpcError('aborted', 'the message'),
  'RpcError with a stranger\'s code': () => new RpcError('OUT_OF_STOCK', 'none left', { details: { left: 0 } }),
  'RpcError with an empty message': () => new RpcError('aborted', ''),
  'RpcError whose message throws': () => new GetterError('message'),
  'RpcError whose code throws': () => new GetterError('code'),
  'RpcError whose details throw': () => new GetterError('details'),
  'RpcError whose metadata throw': () => new GetterError('metadata'),
  'RpcError all of whose getters throw': () => new GetterError('message', 'code', 'reason', 'details', 'metadata', 'retryAfterMs'),
  'RpcError with cyclic details': () => new RpcError('aborted', 'm', { details: cyclic }),
  'RpcError with details whose toJSON throws': () => new RpcError('aborted', 'm', { details: { toJSON: hostile } }),
  'RpcError with hostile metadata': () => new RpcError('aborted', 'm', { metadata: { good: 'one', bad: Object.create(null) as string } }),
  'RpcError with a Proxy as metadata': () => new RpcError('aborted', 'm', { metadata: throwing({}) as Record<string, string> }),
  'RpcError with a number for a message': () => Object.defineProperty(new RpcError('aborted', 'm'), 'message', { value: 7 }),
};

/** Registers every way to fail, thrown at once and rejected later. */
function failing(server: OpenServer['server']): void {
  for (const [name, make] of Object.entries(thrown)) {
    server.registerFunction('Now', name, () => {
      throw make();
    });
    server.registerFunction('Later', name, async () => {
      await Promise.resolve();
      throw make();
    });
    server.handle('Raw', name, () => {
      throw make();
    });
  }
  server.registerFunction('Fine', 'Echo', (input: unknown) => input);
}

const textOf = (reply: ReadFrame): string => reply.metadata['__rpcx_error__'] ?? '';
const structured = (reply: ReadFrame): Record<string, unknown> => JSON.parse(reply.metadata['_rpcxjs-error'] ?? 'null') as Record<string, unknown>;

describe('C6: whatever a handler throws', () => {
  it('is one error reply with a text, never a stack or a cause, and the connection lives on', async () => {
    await using open = await openServer({}, failing);
    for (const negotiated of [false, true]) {
      const peer = await open.peer();
      if (negotiated) peer.send(offer);
      let sequence = 0n;
      for (const service of ['Now', 'Later', 'Raw']) {
        for (const name of Object.keys(thrown)) {
          peer.send(frame({ service, method: name, sequence: (sequence += 1n), payload: '1' }));
          const reply = await peer.reply(sequence);
          const where = `${service} ${name}`;
          expect(reply.flags & 3, where).toBe(1);
          expect(textOf(reply), where).not.toBe('');
          expect(JSON.stringify(reply.metadata), where).not.toMatch(/at .*\(|node:internal|errors\.test|inner secret/);
          if (negotiated) expect(typeof structured(reply)['code'], where).toBe('string');
          else expect(Object.keys(reply.metadata), where).not.toContain('_rpcxjs-error');
        }
      }
      peer.send(frame({ service: 'Fine', method: 'Echo', sequence: 9000n, payload: '"alive"' }));
      expect((await peer.reply(9000n)).payload.toString()).toBe('"alive"');
      expect(peer.frames.filter(({ flags }) => (flags & heartbeatFlag) === 0)).toHaveLength(3 * Object.keys(thrown).length + 1);
    }
  });

  it('reaches our client with the error\'s own message, and a fixed text for what cannot be read', async () => {
    await using open = await openServer({}, failing);
    const client = open.client();
    const failure = (method: string) => client.call('Later', method, 1).then(() => undefined, (error: unknown) => error as RpcError);
    await until(() => open.server.stats().connections === 0);
    expect(await failure('Error')).toMatchObject({ code: 'unknown', reason: 'HANDLER_THREW', message: 'the price is missing', remote: true });
    expect(await failure('string')).toMatchObject({ code: 'unknown', message: 'just text' });
    expect(await failure('undefined')).toMatchObject({ code: 'unknown', message: 'the handler threw undefined' });
    expect(await failure('RpcError')).toMatchObject({ code: 'aborted', message: 'the message' });
    expect(await failure('RpcError with a stranger\'s code')).toMatchObject({ code: 'OUT_OF_STOCK', message: 'none left', details: { left: 0 } });
    expect(await failure('Proxy')).toMatchObject({ code: 'unknown', message: 'the handler threw something that cannot be read' });
    expect(await failure('RpcError all of whose getters throw')).toMatchObject({ code: 'unknown', message: 'the handler threw something that cannot be read' });
    expect(await failure('RpcError with hostile metadata')).toMatchObject({ code: 'aborted', message: 'm' });
  });

  it('says nothing of itself with exposeMessages: false, unless it is an RpcError', async () => {
    await using open = await openServer({ exposeMessages: false }, failing);
    const client = open.client();
    for (const method of Object.keys(thrown)) {
      const error = await client.call('Later', method, 1).then(() => undefined, (caught: unknown) => caught as RpcError);
      if (method.startsWith('RpcError')) continue;
      expect(error?.message, method).toMatch(/^the handler (failed|threw something that cannot be read)$/);
    }
    expect(await client.call('Later', 'RpcError', 1).catch((error: unknown) => error)).toMatchObject({ message: 'the message' });
  });

  it('is logged when it is an error of programming, because nobody else sees it, as `err`, the field that pino writes with its stack', async () => {
    await using open = await openServer({}, failing);
    await open.client().call('Now', 'TypeError', 1).catch(() => {});
    expect(open.log).toMatchObject([{ level: 'error', fields: { service: 'Now', method: 'TypeError', err: expect.any(TypeError) as object } }]);
  });

  it('is logged also when it is any other error, in answer to a one-way message too, but not when it is an RpcError or the end of a cancelled call', async () => {
    let ended = 0;
    await using open = await openServer({}, (server) => {
      failing(server);
      server.registerFunction('Now', 'AbortError', () => {
        ended += 1;
        throw new DOMException('the caller went away', 'AbortError');
      });
    });
    const client = open.client();
    for (const method of ['RpcError', 'AbortError', 'Error', 'string']) await client.call('Now', method, 1).catch(() => {});
    expect(ended).toBe(1);
    expect(open.log).toMatchObject([
      { level: 'warn', fields: { service: 'Now', method: 'Error', err: expect.any(Error) as object } },
      { level: 'warn', fields: { service: 'Now', method: 'string' } },
    ]);
    const { methods } = contract('Later', { Error: unary<number, void>() });
    await client.oneway(methods.Error, 1);
    await until(() => open.log.length === 3);
    expect(open.log[2]).toMatchObject({ level: 'warn', fields: { service: 'Later', method: 'Error' } });
  });
});

describe('C6: whatever a handler returns', () => {
  const returned: Readonly<Record<string, () => unknown>> = {
    cyclic: () => cyclic,
    'a bigint': () => 1n,
    'a Proxy': () => throwing({}),
    'a getter that throws': () => Object.defineProperty({}, 'x', { get: hostile, enumerable: true }),
    'a getter that throws undefined': () => ({ get x(): never { throw undefined; } }),
    'a getter that throws a Proxy': () => ({ get x(): never { throw throwing({}); } }),
    'a throwing then': () => Object.defineProperty({}, 'then', { get: hostile }),
    'a then that throws': () => ({ then: hostile }),
    'a then that rejects with a Proxy': () => ({ then: (_: unknown, failed: (error: unknown) => void) => { failed(throwing({})); } }),
  };

  it('and cannot be written is an error reply, and the connection lives on', async () => {
    await using open = await openServer({}, (server) => {
      for (const [name, make] of Object.entries(returned)) server.registerFunction('Now', name, make).registerFunction('Later', name, async () => {
        await Promise.resolve();
        return [make()];
      });
      server.registerFunction('Fine', 'Echo', (input: unknown) => input);
    });
    const peer = await open.peer();
    let sequence = 0n;
    for (const service of ['Now', 'Later']) {
      for (const name of Object.keys(returned)) {
        peer.send(frame({ service, method: name, sequence: (sequence += 1n), payload: '1' }));
        const reply = await peer.reply(sequence);
        if (service === 'Later' && name.includes('then')) continue;
        expect(reply.flags & 3, `${service} ${name}`).toBe(1);
        expect(textOf(reply)).not.toBe('');
      }
    }
    peer.send(frame({ service: 'Fine', method: 'Echo', sequence: 9000n, payload: '"alive"' }));
    expect((await peer.reply(9000n)).payload.toString()).toBe('"alive"');
  });

  it('with response metadata that is no text is an error reply, and later replies still leave', async () => {
    const bad: readonly (readonly [string, unknown])[] = [['null prototype', Object.create(null)], ['throws', { toString: hostile }], ['proxy', throwing({})]];
    await using open = await openServer({}, (server) => {
      for (const [name, value] of bad) {
        server.registerFunction('S', name, (_: unknown, call: ServerCall) => {
          call.responseMetadata['k'] = value as string;
          return 'done';
        });
        server.registerFunction('E', name, (_: unknown, call: ServerCall) => {
          call.responseMetadata['k'] = value as string;
          throw new Error('failed anyway');
        });
        server.handle('R', name, (message) => ({ ...message, metadata: { k: value as string } }));
      }
      server.registerFunction('Fine', 'Number', (_: unknown, call: ServerCall) => {
        call.responseMetadata['n'] = 5 as unknown as string;
        return 'done';
      });
    });
    const peer = await open.peer();
    let sequence = 0n;
    for (const service of ['S', 'E', 'R']) {
      for (const [name] of bad) {
        peer.send(frame({ service, method: name, sequence: (sequence += 1n), payload: '1' }));
        const reply = await peer.reply(sequence);
        expect(reply.flags & 3, `${service} ${name}`).toBe(1);
      }
    }
    peer.send(frame({ service: 'Fine', method: 'Number', sequence: 9000n, payload: '1' }));
    expect(await peer.reply(9000n)).toMatchObject({ metadata: { n: '5' } });
  });

  it('from a raw handler and is no message is an error reply', async () => {
    await using open = await openServer({}, (server) => {
      server.handle('R', 'undefined', () => undefined as never);
      server.handle('R', 'text', () => 'text' as never);
      server.handle('R', 'no payload', (message) => ({ ...message, payload: undefined as never }));
      server.handle('R', 'text payload', (message) => ({ ...message, payload: 'text' as never }));
      server.handle('R', 'codec 99', (message) => ({ ...message, codecId: 99, payload: new Uint8Array(1) }));
      // They would go out as codec 1, and as gzip.
      server.handle('R', 'codec 1.5', (message) => ({ ...message, codecId: 1.5, payload: new Uint8Array(1) }));
      server.handle('R', 'compressor 9', (message) => ({ ...message, compressorId: 9, payload: new Uint8Array(1) }));
      server.registerFunction('Fine', 'Echo', (input: unknown) => input);
    });
    const peer = await open.peer();
    let sequence = 0n;
    for (const method of ['undefined', 'text', 'no payload', 'text payload', 'codec 99', 'codec 1.5', 'compressor 9']) {
      peer.send(frame({ service: 'R', method, sequence: (sequence += 1n), payload: '1' }));
      expect((await peer.reply(sequence)).flags & 3, method).toBe(1);
    }
    peer.send(frame({ service: 'Fine', method: 'Echo', sequence: 9000n, payload: '"alive"' }));
    expect((await peer.reply(9000n)).payload.toString()).toBe('"alive"');
  });

  it('when a codec throws something that is no RpcError, the call alone fails', async () => {
    const spiteful: Codec = {
      id: 9, name: 'spiteful',
      encode: () => { throw throwing({}); },
      decode: () => { throw undefined; },
    };
    await using open = await openServer({ codecs: [spiteful] }, (server) => server.registerFunction('S', 'M', () => 1).registerFunction('S', 'In', (input: unknown) => input));
    const peer = await open.peer();
    peer.send(frame({ service: 'S', method: 'M', sequence: 1n, codecId: 9, payload: 'x' }), frame({ service: 'S', method: 'In', sequence: 2n, codecId: 1, payload: '1' }));
    expect((await peer.reply(1n)).flags & 3).toBe(1);
    expect((await peer.reply(2n)).flags & 3).toBe(0);
  });
});

describe('texts of errors', () => {
  it.each([['ascii', 'x'], ['three bytes', '服'], ['four bytes', '😀']])('are cut to 8 KiB, at a whole character: %s', async (_name, unit) => {
    const text = unit.repeat(40_000);
    await using open = await openServer({}, (server) => server.registerFunction('S', 'M', () => { throw new Error(text); }));
    const peer = await open.peer();
    peer.send(frame({ service: 'S', method: 'M', sequence: 1n, payload: '1' }));
    const said = textOf(await peer.reply(1n));
    expect(Buffer.byteLength(said)).toBeLessThanOrEqual(8 * 1024);
    expect(Buffer.byteLength(said)).toBeGreaterThan(8 * 1024 - 16);
    expect(said).not.toContain('\ufffd');
    expect(said.endsWith('…')).toBe(true);
  });

  it('are what Go clients know for what is not there', async () => {
    await using open = await openServer({}, (server) => server.registerFunction('S', 'M', () => 1));
    const peer = await open.peer();
    peer.send(frame({ service: 'X', method: 'M', sequence: 1n }), frame({ service: 'S', method: 'Y', sequence: 2n }), frame({ service: 'S', method: 'M', sequence: 3n, codecId: 9, payload: 'x' }));
    expect(textOf(await peer.reply(1n))).toBe("rpcx: can't find service X");
    expect(textOf(await peer.reply(2n))).toBe("rpcx: can't find method Y");
    expect(textOf(await peer.reply(3n))).toBe('can not find codec for 9');
  });
});

describe('replies above the frame limit', () => {
  const limit = 64 * 1024;
  it('are a typed error, exactly from the first byte above, and the connection lives', async () => {
    const names = 4 + 1 + 4 + 1 + 4 + 4;
    await using open = await openServer({ limits: { maxFrameBytes: limit } }, (server) => server.registerFunction('S', 'M', (input: unknown) => new Uint8Array(Number(String(input)))).registerFunction('S', 'J', (input: unknown) => 'x'.repeat(input as number)));
    const client = open.client({ limits: { maxFrameBytes: limit } });
    expect(await client.call('S', 'J', limit - names - 2)).toHaveLength(limit - names - 2);
    for (let round = 0; round < 3; round++) {
      await expect(client.call('S', 'J', limit - names - 1)).rejects.toMatchObject({ code: 'resource_exhausted', reason: 'TOO_LARGE', remote: true });
    }
    await expect(client.call('S', 'J', 10 * limit)).rejects.toMatchObject({ code: 'resource_exhausted', reason: 'TOO_LARGE' });
    expect(await client.call('S', 'J', 3)).toBe('xxx');
    expect(client.stats().connections).toBe(1);
    expect(open.server.stats().connectionsAccepted).toBe(1);
  });

  it('are an error that itself fits, also when metadata or details are what is too large', async () => {
    const huge = 'm'.repeat(2 * limit);
    await using open = await openServer({ limits: { maxFrameBytes: limit } }, (server) =>
      server
        .registerFunction('S', 'Metadata', (_: unknown, call: ServerCall) => {
          call.responseMetadata['huge'] = huge;
          return 1;
        })
        .registerFunction('S', 'MetadataAndError', (_: unknown, call: ServerCall) => {
          call.responseMetadata['huge'] = huge;
          throw new RpcError('aborted', 'failed');
        })
        .registerFunction('S', 'Details', () => {
          throw new RpcError('aborted', 'failed', { details: huge });
        })
        .handle('S', 'Raw', (message) => ({ ...message, payload: Buffer.from(huge) })),
    );
    const client = open.client({ limits: { maxFrameBytes: limit } });
    await expect(client.call('S', 'Metadata', 1)).rejects.toMatchObject({ code: 'resource_exhausted', reason: 'TOO_LARGE' });
    await expect(client.call('S', 'MetadataAndError', 1)).rejects.toMatchObject({ code: 'aborted', message: 'failed' });
    await expect(client.call('S', 'Details', 1)).rejects.toMatchObject({ code: 'aborted', message: 'failed' });
    await expect(client.call('S', 'Raw', 1)).rejects.toMatchObject({ code: 'resource_exhausted', reason: 'TOO_LARGE' });
    expect(open.server.stats().connectionsAccepted).toBe(1);
  });
});

describe('mapError', () => {
  it('turns what was thrown into what the caller gets, and leaves the rest to the server', async () => {
    const seen: unknown[] = [];
    await using open = await openServer(
      {
        mapError(error, call) {
          seen.push([call.service, call.method]);
          return error instanceof RangeError ? new RpcError('out_of_range', 'mapped', { details: { why: error.message } }) : undefined;
        },
      },
      (server) =>
        server
          .registerFunction('S', 'Range', async () => { await Promise.resolve(); throw new RangeError('too far'); })
          .registerFunction('S', 'Other', () => { throw new Error('other'); }),
    );
    const client = open.client();
    await expect(client.call('S', 'Range', 1)).rejects.toMatchObject({ code: 'out_of_range', message: 'mapped', details: { why: 'too far' } });
    await expect(client.call('S', 'Other', 1)).rejects.toMatchObject({ code: 'unknown', message: 'other' });
    expect(seen).toEqual([['S', 'Range'], ['S', 'Other']]);
  });

  it('that throws itself gives a fixed text, and the server lives', async () => {
    await using open = await openServer({ mapError: hostile }, (server) => server.registerFunction('S', 'M', () => { throw new Error('secret'); }));
    await expect(open.client().call('S', 'M', 1)).rejects.toMatchObject({ code: 'unknown', reason: 'HANDLER_THREW', message: 'the handler threw something that cannot be read' });
  });

  it('that is asynchronous gives a fixed text too, and what it rejects with ends no process', async () => {
    const late = (): never => Promise.reject(new Error('a slip')) as never; // as a program without types has it
    await using open = await openServer({ mapError: late }, (server) => server.registerFunction('S', 'M', () => { throw new Error('secret'); }));
    await expect(open.client().call('S', 'M', 1)).rejects.toMatchObject({ code: 'unknown', message: 'the handler threw something that cannot be read' });
    expect(open.log).toMatchObject([{ message: 'mapError failed; its caller gets a fixed text', fields: { err: { message: 'mapError returned a promise: it has to be synchronous' } } }]);
  });
});

describe('a one-way call', () => {
  it('is never answered: not its result, its error, its absence, its token or its size', async () => {
    let ran = 0;
    await using open = await openServer({ limits: { maxFrameBytes: 2000 }, auth: (token) => token !== 'bad' }, (server) =>
      server
        .registerFunction('S', 'Fine', () => (ran += 1))
        .registerFunction('S', 'Fails', async () => { ran += 1; await Promise.resolve(); throw new Error('x'); })
        .handle('S', 'Raw', (message) => { ran += 1; return message; }),
    );
    const peer = await open.peer();
    const oneway = { flags: onewayFlag, payload: '1' };
    peer.send(
      frame({ ...oneway, service: 'S', method: 'Fine' }), frame({ ...oneway, service: 'S', method: 'Fails' }), frame({ ...oneway, service: 'S', method: 'Raw' }),
      frame({ ...oneway, service: 'S', method: 'Nothing' }), frame({ ...oneway, service: 'Nobody', method: 'M' }),
      frame({ ...oneway, service: 'S', method: 'Fine', codecId: 12 }), frame({ ...oneway, service: 'S', method: 'Fine', metadata: { __ServerTimeout: '-5' } }),
      frame({ service: 'S', method: 'Fine', sequence: 77n, payload: '1' }),
    );
    await peer.reply(77n);
    await until(() => open.server.stats().running === 0);
    expect(peer.frames).toHaveLength(1);
    expect(ran).toBe(4);
    peer.send(frame({ ...oneway, service: 'S', method: 'Fine', metadata: { __AUTH: 'bad' } }));
    await peer.ended();
    expect(peer.frames).toHaveLength(1);
    const other = await open.peer();
    other.send(frame({ ...oneway, service: 'S', method: 'Fine', payload: 'x'.repeat(3000) }));
    await other.ended();
    expect(other.frames).toEqual([]);
  });
});
