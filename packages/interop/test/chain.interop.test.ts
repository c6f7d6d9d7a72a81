import { afterAll, beforeAll, expect, it } from 'vitest';
import { msgpack } from '@rpcxjs/codec-msgpack';
import { contract, RpcError, unary } from '@rpcxjs/core';
import { type Client, createClient } from '@rpcxjs/client';
import { createServer } from '@rpcxjs/server';
import { tcp } from '@rpcxjs/transport-tcp';
import { type GoClient, type GoServer, startGoClient, startGoServer } from '../src/index.ts';
import { Arith, type DeadlineReply, type Text } from './arith.ts';
import { codecs } from './typescript-server.ts';
import { describeWithGo } from './with-go.ts';

const Front = contract('Front', { Deadline: unary<Text, DeadlineReply>(), Refuse: unary<Text, Text>() });

describeWithGo('Go → TypeScript → Go', () => {
  let backend: GoServer;
  let caller: GoClient;
  let client: Client;
  beforeAll(async () => { [backend, caller] = await Promise.all([startGoServer(), startGoClient()]); });
  afterAll(async () => { await Promise.all([backend.process.stop(), caller.process.stop()]); });

  const chained = (title: string, test: (address: string) => Promise<void>): void => {
    it(title, async () => {
      client = createClient({ servers: backend.address, transports: [tcp()], codecs });
      const arith = client.service(Arith);
      await using server = createServer({
        transports: [tcp()], codecs,
        mapError: (error) => (error instanceof RangeError ? new RpcError('out_of_range', `mapped: ${error.message}`, { metadata: { 'x-error-kind': 'range' } }) : undefined),
      });
      server.register(Front, {
        Deadline: (input) => arith.Deadline(input),
        Refuse: ({ Text: text }, call) => {
          call.responseMetadata['x-error-kind'] = 'range';
          throw new RangeError(text);
        },
      });
      for (const service of ['Arith', 'Router', 'Bytes', 'Proto', 'Nope']) server.handle(service, undefined, (message) => client.raw(message));
      const [address = ''] = await server.listen('tcp@127.0.0.1:0');
      try {
        await test(address);
      } finally {
        await client.close();
      }
    });
  };

  chained('a nested call has what is left of its caller\'s deadline', async (address) => {
    const connection = await caller.connect({ servers: [address], mode: 'xclient' });
    const { value } = await connection.call('Front', 'Deadline', { shape: 'Text', reply: 'DeadlineReply', timeoutMs: 4000 });
    const { Has, RemainingMs } = value as DeadlineReply;
    expect(Has).toBe(true);
    expect(RemainingMs).toBeGreaterThan(3000);
    expect(RemainingMs).toBeLessThan(4000);
    const unlimited = (await connection.call('Front', 'Deadline', { shape: 'Text', reply: 'DeadlineReply' })).value as DeadlineReply;
    expect(unlimited.Has, 'the client\'s own ten seconds').toBe(true);
    expect(unlimited.RemainingMs).toBeGreaterThan(9000);
    await connection.close();
  });

  chained('a deadline longer than the server allows is cut to five minutes', async (address) => {
    await using patient = createClient({ servers: backend.address, transports: [tcp()], codecs, timeoutMs: Infinity });
    await using server = createServer({ transports: [tcp()], codecs: [msgpack] });
    server.register(contract('Front', { Deadline: unary<Text, DeadlineReply>() }), { Deadline: (input) => patient.service(Arith).Deadline(input) });
    const [second = ''] = await server.listen('tcp@127.0.0.1:0');
    const connection = await caller.connect({ servers: [second], mode: 'xclient' });
    const { RemainingMs } = (await connection.call('Front', 'Deadline', { shape: 'Text', reply: 'DeadlineReply', timeoutMs: 36_000_000 })).value as DeadlineReply;
    expect(RemainingMs).toBeLessThanOrEqual(300_000);
    expect(RemainingMs).toBeGreaterThan(290_000);
    await connection.close();
    expect(address).not.toBe(second);
  });

  chained('a gateway of raw messages passes every codec, metadata and errors on, untouched', async (address) => {
    for (const serialize of [1, 3, 9]) {
      const connection = await caller.connect({ servers: [address], serialize });
      expect(await connection.call('Arith', 'Mul', { shape: 'Args', args: { A: 6, B: 7 }, reply: 'Reply' }), `serialize type ${serialize}`).toMatchObject({ value: { C: 42 } });
      expect(await connection.call('Arith', 'Fail', { shape: 'Text', args: { Text: 'boo' }, reply: 'Text' })).toMatchObject({ error: 'boo', value: { Text: 'reply beside the error' } });
      await connection.close();
    }
    const connection = await caller.connect({ servers: [address] });
    const answer = await connection.call('Arith', 'EchoMeta', { shape: 'Text', reply: 'MetaReply', metadata: { 'reply-a': '1', b: '2' } });
    expect(answer).toMatchObject({ value: { Metadata: { 'reply-a': '1', b: '2' } }, metadata: { 'reply-a': '1' } });
    expect((await connection.call('Nope', 'Nope', { shape: 'Text', reply: 'Text' })).error).toBe("rpcx: can't find service Nope");
    expect((await connection.call('Router', 'BareError', { shape: 'Text', reply: 'Text' })).error, 'an error without a text gets one').toBeTruthy();
    const protobuf = await caller.connect({ servers: [address], serialize: 2 });
    expect(await protobuf.call('Proto', 'Mul', { shape: 'ArithArgs', args: { a: 6, b: 7 }, reply: 'ArithReply' })).toMatchObject({ value: { c: 42 } });
    await Promise.all([connection.close(), protobuf.close()]);
  });

  chained('mapError here and ClientErrorFunc in Go turn one error into another', async (address) => {
    await using own = await startGoClient();
    const connection = await own.connect({ servers: [address], customErrors: true });
    expect((await connection.call('Front', 'Refuse', { shape: 'Text', args: { Text: 'too far' }, reply: 'Text' })).error).toBe('mapped(range): mapped: too far');
    await connection.close();
  });
});
