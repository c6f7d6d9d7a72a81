import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { type Codec, jsonCodec, type RawMessage, RpcError } from '@rpcxjs/core';
import { msgpack } from '@rpcxjs/codec-msgpack';
import { type Client, createClient } from '@rpcxjs/client';
import { tcp } from '@rpcxjs/transport-tcp';
import { type GoServer, startGoServer, startRecorder } from '../src/index.ts';
import { Arith, type Args, Events, Notes, type Reply } from './arith.ts';
import { reversedJson } from './reversed-json.ts';
import { codecs } from './typescript-server.ts';
import { describeWithGo } from './with-go.ts';

/** As somebody would describe a Go service whose code is not theirs. */
interface GoArith {
  Mul(args: Args): Promise<Reply>;
  Sleep(args: { Ms: number; ID: number }): Promise<{ ID: number }>;
}

describeWithGo('a TypeScript client calls a Go server', () => {
  let go: GoServer;
  let client: Client;
  beforeAll(async () => { go = await startGoServer(); });
  afterAll(async () => { await go.process.stop(); });

  const withClient = (title: string, test: (arith: ReturnType<typeof typed>) => Promise<void>): void => {
    it(title, async () => {
      client = createClient({ servers: go.address, transports: [tcp()], codecs });
      try {
        await test(typed());
      } finally {
        await client.close();
      }
    });
  };
  const typed = () => client.service(Arith);

  it.each<[string, Codec]>([['JSON', jsonCodec], ['msgpack', msgpack], ['a custom codec at a free number', reversedJson]])('with %s', async (_, codec) => {
    await using own = createClient({ servers: go.address, transports: [tcp()], codecs: [codec] });
    expect(await own.service(Arith).Mul({ A: -6, B: 7 })).toEqual({ C: -42 });
    expect(await own.service(Arith).Say({ Text: '服务🚀*3' })).toEqual({ Text: '服务🚀服务🚀服务🚀' });
    expect(await own.service<GoArith>('Arith', { idempotent: ['Mul'] }).Mul({ A: 2, B: 3 })).toEqual({ C: 6 });
    expect(await own.call('Arith', 'Mul', { A: 2, B: 4 })).toEqual({ C: 8 });
  });

  withClient('with raw bytes, per service', async () => {
    const bytes = client.service<{ Echo(payload: Uint8Array): Promise<Uint8Array> }>('Bytes', { codec: 'bytes' });
    for (const length of [1, 100, 100_000]) {
      const payload = new Uint8Array(length).fill(0x08);
      expect(await bytes.Echo(payload)).toEqual(payload);
    }
  });

  withClient('and gets replies out of order, each to its call', async (arith) => {
    const order: number[] = [];
    await Promise.all(
      [300, 5, 200, 100].map(async (Ms, ID) => {
        expect(await arith.Sleep({ Ms, ID })).toEqual({ ID });
        order.push(ID);
      }),
    );
    expect(order).toEqual([1, 3, 2, 0]);
  });

  withClient('A6: 20 000 times, 0 failed', async (arith) => {
    let next = 0;
    const worker = async (): Promise<void> => {
      for (let n = ++next; n <= 20_000; n = ++next) expect((await arith.Mul({ A: n, B: 3 })).C).toBe(3 * n);
    };
    await Promise.all(Array.from({ length: 100 }, worker));
    expect(client.stats()).toMatchObject({ failed: 0, connections: 1 });
  });

  withClient('at any service path, and single functions and low-level handlers', async () => {
    const Mul = { A: 2, B: 3 };
    expect(await client.service(Arith, { path: '/a path/with.dots/服务' }).Mul(Mul)).toEqual({ C: 6 });
    expect(await client.service<GoArith>('Functions').Mul(Mul)).toEqual({ C: 6 });
    expect(await client.service<GoArith>('Router').Mul(Mul)).toEqual({ C: 6 });
  });

  withClient('with request and response metadata', async (arith) => {
    const metadata = { 'reply-a': '1', 'reply-服务': '值', other: '', '': 'empty key' };
    const seen: Readonly<Record<string, string>>[] = [];
    const { Metadata } = await arith.EchoMeta({ Text: '' }, { metadata, onReply: (reply) => { seen.push({ ...reply.metadata }); } });
    expect(Metadata).toEqual({ ...metadata, __ServerTimeout: expect.stringMatching(/^\d+$/) });
    expect(seen).toEqual([{ 'reply-a': '1', 'reply-服务': '值' }]);
  });

  withClient('and gets Go\'s errors with what they mean', async (arith) => {
    const failure = async (call: Promise<unknown>): Promise<Partial<RpcError>> => {
      const error = await call.then(() => undefined, (thrown: unknown) => thrown);
      expect(RpcError.is(error), String(error)).toBe(true);
      return error as RpcError;
    };
    expect(await failure(arith.Fail({ Text: 'boo 错误' }))).toMatchObject({ code: 'unknown', message: 'boo 错误', remote: true });
    expect((await failure(arith.Fail({ Text: '' }))).message, 'an error whose text is empty').toContain('did not say which');
    expect(await failure(arith.FailMeta({ Text: 'boo' }))).toMatchObject({ message: 'boo', metadata: { 'reply-why': 'because' } });
    expect(await failure(arith.Panic({ Text: 'aaargh' }))).toMatchObject({ code: 'internal', reason: 'HANDLER_THREW', message: expect.stringContaining('aaargh') });
    expect(await failure(client.call('Nope', 'Mul', {}))).toMatchObject({ code: 'unimplemented', reason: 'UNKNOWN_SERVICE', message: expect.stringContaining("can't find service Nope") });
    expect(await failure(client.call('Arith', 'Nope', {}))).toMatchObject({ code: 'unimplemented', reason: 'UNKNOWN_METHOD' });
    expect(await failure(client.call('Router', 'Fail', {}))).toMatchObject({ message: 'the router failed' });
    expect(await failure(client.call('Router', 'BareError', {})), 'an error status without metadata is an error too').toMatchObject({ code: 'unknown', remote: true });
    expect(await failure(client.call('Router', 'ErrorWithPayload', {}))).toMatchObject({ message: 'an error with a payload', metadata: { k: 'v' } });
    expect(await arith.Mul({ A: 1, B: 1 }), 'the connection is still good').toEqual({ C: 1 });
  });

  it('and a codec that Go does not know, or a payload that it cannot read, is an error of that call alone', async () => {
    const alien: Codec = { ...jsonCodec, id: 7, name: 'alien' };
    await using own = createClient({ servers: go.address, transports: [tcp()], codecs: [msgpack, alien] });
    await expect(own.service(Arith, { codec: 'alien' }).Mul({ A: 1, B: 1 })).rejects.toMatchObject({ code: 'unimplemented', reason: 'UNKNOWN_CODEC', message: expect.stringContaining('can not find codec for 7') });
    await expect(own.call('Arith', 'Mul', { A: 1.5, B: 1 })).rejects.toMatchObject({ code: 'unknown', message: expect.stringContaining('msgpack: invalid code=cb') });
    expect(await own.service(Arith).Mul({ A: 1, B: 1 })).toEqual({ C: 1 });
    expect(own.stats().connections).toBe(1);
  });

  withClient('one way: nothing comes back, not even an error', async () => {
    for (const Text of ['a', 'fail', 'b']) await client.oneway(Notes.methods.Add, { Text });
    await vi.waitFor(async () => { expect((await client.service(Notes).List({ Text: '' })).Texts).toEqual(expect.arrayContaining(['a', 'fail', 'b'])); });
  });

  withClient('with a deadline on the wire, which Go\'s context has', async (arith) => {
    const { Has, RemainingMs, Raw } = await arith.Deadline({ Text: '' }, { timeoutMs: 5000 });
    expect(Has).toBe(true);
    expect(Number(Raw)).toBeGreaterThan(4500);
    expect(Number(Raw)).toBeLessThanOrEqual(5000);
    expect(RemainingMs).toBeGreaterThan(4500);
    expect(RemainingMs).toBeLessThanOrEqual(Number(Raw));
    expect(await arith.Deadline({ Text: '' }, { timeoutMs: Infinity })).toEqual({ Has: false, RemainingMs: 0, Raw: '' });
    await expect(arith.Sleep({ Ms: 2000, ID: 1 }, { timeoutMs: 50 }), 'a handler in Go that does not look at its context is not waited for').rejects.toMatchObject({ code: 'deadline_exceeded', remote: false });
    await expect(arith.Sleep({ Ms: 2000, ID: 1, Obey: true }, { timeoutMs: 50 })).rejects.toThrow(/deadline|did not finish|within/);
  });

  withClient('and stops waiting when its signal fires', async (arith) => {
    const stop = new AbortController();
    const call = arith.Sleep({ Ms: 2000, ID: 1 }, { signal: stop.signal });
    stop.abort(new Error('enough'));
    await expect(call).rejects.toMatchObject({ code: 'canceled' });
    expect(await arith.Mul({ A: 2, B: 2 })).toEqual({ C: 4 });
  });

  withClient('and receives what Go pushes, by iteration and by callback', async () => {
    const heard: string[] = [];
    const text = (value: unknown): string => new TextDecoder().decode(value as Uint8Array);
    const stop = client.onPush(Events.methods.Note, (value, info) => { heard.push(`${text(value)} ${info.metadata['k']}`); });
    using notes = client.pushes(Events.methods.Note);
    expect(await client.service(Events).Push({ Count: 100, Path: 'Events', Method: 'Note', Metadata: { k: 'v' } })).toEqual({ Count: 100 });
    for (let n = 0; n < 100; n++) expect(text((await notes.next()).value)).toBe(`push ${n}`);
    stop();
    await client.service(Events).Push({ Count: 1, Path: 'Events', Method: 'Note' });
    expect(heard).toEqual(Array.from({ length: 100 }, (_, n) => `push ${n} v`));
    expect(client.stats().droppedPushes).toBe(0);
  });

  withClient('with raw messages, in which an error status is a status', async () => {
    const message: RawMessage = { service: 'Bytes', method: 'Echo', metadata: { k: 'v' }, payload: Buffer.from('abcd', 'hex'), codecId: 0, compressorId: 0, oneway: false, error: false };
    const hex = (reply: RawMessage): string => Buffer.from(reply.payload).toString('hex');
    const echoed = await client.raw(message);
    expect({ ...echoed, payload: hex(echoed), metadata: { ...echoed.metadata } }).toEqual({ ...message, metadata: {}, payload: 'abcd' });
    const failed = await client.raw({ ...message, method: 'Fail' });
    expect({ ...failed, payload: hex(failed), metadata: { ...failed.metadata } }).toMatchObject({ error: true, payload: 'abcd', metadata: { __rpcx_error__: 'failed with a payload' } });
    const bare = await client.raw({ ...message, service: 'Router', method: 'BareError' });
    expect({ error: bare.error, metadata: { ...bare.metadata } }).toEqual({ error: true, metadata: {} });
    const renamed = await client.raw({ ...message, service: 'Router', method: 'OtherNames' });
    expect(hex(renamed), 'a reply belongs to its call whatever names it carries').toBe('abcd');
  });

  withClient('without an input, and a reply without a payload is no value', async () => {
    for (const codec of ['msgpack', 'json', 'reversed-json']) {
      expect(await client.service<{ Deadline(): Promise<object> }>('Arith', { codec }).Deadline(), codec).toMatchObject({ Has: true });
      expect(await client.service<{ Empty(): Promise<void> }>('Router', { codec }).Empty(), codec).toBeUndefined();
    }
  });

  it('with its token: a bad one is refused and the connection ended, a good one let in', async () => {
    await using guarded = await startGoServer({ token: 'secret' });
    await using good = createClient({ servers: guarded.address, transports: [tcp()], codecs, token: () => 'secret' });
    expect(await good.service(Arith).Mul({ A: 6, B: 7 })).toEqual({ C: 42 });
    await using bad = createClient({ servers: guarded.address, transports: [tcp()], codecs, token: 'wrong' });
    await expect(bad.service(Arith).Mul({ A: 6, B: 7 })).rejects.toMatchObject({ message: 'invalid token', remote: true });
    await vi.waitFor(() => { expect(bad.stats().connections).toBe(0); });
  });

  it('with errors mapped by Go\'s ServerErrorFunc and by mapError here', async () => {
    await using mapping = await startGoServer({ customErrors: true });
    class Refusal extends Error {}
    await using own = createClient({
      servers: mapping.address, transports: [tcp()], codecs,
      mapError: (error) => (error.metadata?.['x-error-kind'] === 'custom' ? new Refusal(error.message) : undefined),
    });
    const thrown = await own.service(Arith).Fail({ Text: 'boo' }).catch((error: unknown) => error);
    expect(thrown).toBeInstanceOf(Refusal);
    expect((thrown as Refusal).message).toBe('E42: boo');
  });

  it('and never sends Go anything but requests that it knows: one heartbeat with an offer first, and no control message for a cancelled call', async () => {
    await using recorder = await startRecorder(go.address);
    await using own = createClient({ servers: recorder.address, transports: [tcp()], codecs });
    const arith = own.service(Arith);
    expect(await arith.Mul({ A: 1, B: 1 })).toEqual({ C: 1 });
    const stop = new AbortController();
    const cancelled = arith.Sleep({ Ms: 200, ID: 1 }, { signal: stop.signal });
    await vi.waitFor(() => { expect(recorder.sent().some(({ method }) => method === 'Sleep')).toBe(true); });
    stop.abort();
    await expect(cancelled).rejects.toMatchObject({ code: 'canceled' });
    await expect(arith.Fail({ Text: 'boo' })).rejects.toMatchObject({ message: 'boo' });
    await vi.waitFor(() => { expect(recorder.received().filter(({ method }) => method === 'Sleep')).toHaveLength(1); });
    const [first, ...calls] = recorder.sent();
    expect(first).toMatchObject({ flags: 0x40, service: '', method: '', metadata: { _rpcxjs: expect.stringMatching(/^1;n=[0-9a-f]{16};[a-z0-9.,]+$/) } });
    expect(calls.map(({ flags, service, method, metadata }) => [flags, service, method, Object.keys(metadata)])).toEqual([
      [0, 'Arith', 'Mul', ['__ServerTimeout']], [0, 'Arith', 'Sleep', ['__ServerTimeout']], [0, 'Arith', 'Fail', ['__ServerTimeout']],
    ]);
    const [echo] = recorder.received().filter(({ flags }) => (flags & 0x40) !== 0);
    expect(echo, 'Go echoes the offer, which is no agreement').toEqual({ ...first, flags: 0xc0 });
  });
});
