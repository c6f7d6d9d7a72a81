import { bytesCodec, jsonCodec, type Codec, type Compressor } from '@rpcxjs/core';
import { gzip } from '@rpcxjs/compress-gzip';
import { flag } from '@rpcxjs/protocol';
import { describe, expect, it } from 'vitest';
import { openLink, type LinkRig } from '../test/calls.ts';
import { callThroughNoise } from '../test/call-through-noise.ts';
import { deferred, failure, FakeServer, rig, settled, until } from '../test/fake-server.ts';

const halves = (number: bigint) => ({ sequenceHigh: Number(number >> 32n), sequenceLow: Number(number & 0xffff_ffffn) });

/** A link whose first frame, a heartbeat, has this number. */
async function from(first: bigint): Promise<LinkRig & { readonly server: FakeServer; readonly end: () => void }> {
  const server = await FakeServer.listen();
  const one = openLink({ transports: [server.network] }, { firstSequence: halves(first) });
  return { ...one, server, end: () => one.link.abort(new Error('done') as never) };
}

describe('J3: sequence numbers of calls', () => {
  it.each([2n ** 32n - 3n, 2n ** 53n - 3n, 2n ** 63n - 3n, 2n ** 64n - 3n])('go on beyond %d, are exact on the wire, and find their calls in any order', async (first) => {
    const { server, send, told, ended, end } = await from(first);
    for (let index = 0; index < 10; index++) send(`m${index}`);
    await server.call(9);
    expect(server.heartbeats[0]?.sequence).toBe(first);
    expect(server.received.map(({ sequence }) => sequence)).toEqual(Array.from({ length: 10 }, (_, index) => BigInt.asUintN(64, first + 1n + BigInt(index))));
    for (const call of server.received.toReversed()) server.reply(call, { payload: JSON.stringify(call.method) });
    await ended(10);
    expect(told.succeeded).toEqual(Array.from({ length: 10 }, (_, index) => `m${9 - index} "m${9 - index}"`));
    expect(told.late).toBe(0);
    end();
  });

  it('skip the slots of calls that still wait, so that no reply is looked up twice', async () => {
    const { server, send, told, ended, end } = await from(0n);
    send('old');
    await server.call(0);
    server.onCall = (call) => server.reply(call);
    for (let round = 0; round < 200; round++) {
      send('new');
      await ended(round + 1);
    }
    const numbers = server.received.map(({ sequence }) => Number(sequence));
    expect(numbers[0]).toBe(1);
    expect(numbers.slice(1).some((number) => number % 64 === 1)).toBe(false);
    expect(new Set(numbers).size).toBe(201);
    server.reply(server.received[0] as never);
    await ended(201);
    expect(told.order.at(-1)).toBe('old');
    end();
  });

  it('that differ in the high half alone are other numbers, to a server that answers the wrong one', async () => {
    const { server, send, told, ended, end } = await from(0n);
    send('a');
    const call = await server.call(0);
    for (const other of [2n ** 32n, 2n ** 53n, 2n ** 63n, 63n, 64n]) server.send({ sequence: call.sequence + other, flags: flag.response, payload: '"wrong"' });
    server.reply(call);
    await ended(1);
    expect([told.succeeded, told.late]).toEqual([['a "ok"'], 5]);
    end();
  });

  it('meet no other call in twenty thousand, with late replies, duplicates and numbers that nobody has', async () => {
    expect(await callThroughNoise(20_000)).toEqual({ wrong: 0, unnoticed: 0, active: 0, connections: 1 });
  });
});

describe('a reply', () => {
  it('after its call has ended is counted and dropped', async () => {
    await using one = await rig();
    const controller = new AbortController();
    const error = failure(one.client.call('A', 'B', 1, { signal: controller.signal }));
    const call = await one.server.call(0);
    controller.abort();
    expect((await error).code).toBe('canceled');
    one.server.reply(call);
    one.server.fail(call, 'too late as well');
    await until(() => one.client.stats().lateReplies === 2);
  });

  it('to a one-way call or a heartbeat is dropped', async () => {
    await using one = await rig();
    await one.client.oneway({ kind: 'unary', service: 'A', name: 'B' } as never, 1);
    one.server.reply(await one.server.call(0));
    one.server.send({ sequence: 0n, flags: flag.response, payload: '1' });
    await until(() => one.client.stats().lateReplies === 2);
    expect(one.client.stats().connections).toBe(1);
  });

  it('in another codec is read with that one, and in an unknown one it is this call’s misfortune', async () => {
    const text: Codec = { id: 7, name: 'text', encode() {}, decode: (source, start, end) => Buffer.from(source.subarray(start, end)).toString() };
    await using one = await rig({ codecs: [jsonCodec, text] });
    const codecs = [1, 7, 0, 9];
    one.server.onCall = (call) => one.server.reply(call, { codecId: codecs.shift() ?? 1, payload: '"x"' });
    expect(await one.client.call('A', 'B', 1)).toBe('x');
    expect(await one.client.call('A', 'B', 1)).toBe('"x"');
    expect(await one.client.call('A', 'B', 1)).toEqual(Uint8Array.from(Buffer.from('"x"')));
    expect(await failure(one.client.call('A', 'B', 1))).toMatchObject({ code: 'unimplemented', reason: 'UNKNOWN_CODEC' });
    expect(await one.client.call('A', 'B', 1)).toBe('x');
    expect(one.client.stats().connections).toBe(1);
  });

  it('with error status is an error, also without metadata: a Go client takes that for a success', async () => {
    await using one = await rig();
    one.server.onCall = (call) => one.server.reply(call, { flags: flag.error });
    expect(await failure(one.client.call('A', 'B', 1))).toMatchObject({ code: 'unknown', remote: true, message: 'the server replied with an error and did not say which' });
    one.server.onCall = (call) => one.server.reply(call, { flags: flag.error, metadata: { a: 'b' }, payload: '{"partial":1}' });
    expect(await failure(one.client.call('A', 'B', 1))).toMatchObject({ metadata: { a: 'b' } });
  });

  it('compressed with something unknown, or not really compressed, or a bomb, is this call’s misfortune', async () => {
    await using one = await rig({ codecs: [bytesCodec], compressors: [gzip()], limits: { maxInflatedBytes: 100_000 } });
    const small = await gzip().compress(new Uint8Array(100_000));
    const bomb = await gzip().compress(new Uint8Array(100_001));
    const replies = [{ id: 1, payload: small }, { id: 1, payload: bomb }, { id: 1, payload: Buffer.from('plain') }, { id: 1, payload: Uint8Array.of(0x1f) }, { id: 5, payload: small }];
    one.server.onCall = (call) => {
      const next = replies.shift();
      one.server.reply(call, { codecId: 0, flags: (next?.id ?? 0) << flag.compressorShift, payload: next?.payload ?? '' });
    };
    const bytes = new Uint8Array(1);
    expect(await one.client.call('A', 'B', bytes)).toHaveLength(100_000);
    expect((await failure(one.client.call('A', 'B', bytes))).code).toBe('resource_exhausted');
    expect(await failure(one.client.call('A', 'B', bytes))).toMatchObject({ code: 'data_loss', reason: 'BAD_PAYLOAD' });
    expect(await failure(one.client.call('A', 'B', bytes))).toMatchObject({ code: 'data_loss', reason: 'BAD_PAYLOAD' });
    expect(await failure(one.client.call('A', 'B', bytes))).toMatchObject({ code: 'unimplemented', reason: 'UNKNOWN_COMPRESSOR' });
    expect(one.client.stats()).toMatchObject({ connections: 1, active: 0 });
  });

  it('that is still being inflated when its call ends tells nobody of its metadata', async () => {
    const [gate, begun] = [deferred(), deferred()];
    const slow: Compressor = { id: 2, name: 'slow', compress: (payload) => payload, decompress: async (payload) => { begun.resolve(); await gate.promise; return payload; } };
    await using one = await rig({ compressors: [slow] });
    const controller = new AbortController();
    const replies: unknown[] = [];
    const error = failure(one.client.call('A', 'B', 1, { signal: controller.signal, onReply: (reply) => replies.push(reply) }));
    one.server.reply(await one.server.call(0), { flags: 2 << flag.compressorShift });
    await begun.promise;
    controller.abort();
    expect((await error).code).toBe('canceled');
    gate.resolve();
    await settled();
    expect(replies).toEqual([]);
  });

  it('whose onReply throws is this call’s error', async () => {
    await using one = await rig();
    one.server.onCall = (call) => one.server.reply(call);
    expect((await failure(one.client.call('A', 'B', 1, { onReply: () => { throw new Error('in onReply'); } }))).message).toContain('in onReply');
    expect(await one.client.call('A', 'B', 1)).toBe('ok');
  });
});

describe('a cancel', () => {
  it('is not told to a server that did not agree, however many there are', async () => {
    await using one = await rig();
    const controller = new AbortController();
    const errors = Array.from({ length: 2000 }, () => failure(one.client.call('A', 'B', 1, { signal: controller.signal })));
    await one.server.call(1999);
    controller.abort();
    await Promise.all(errors);
    await settled();
    expect(one.server.received).toHaveLength(2000);
  });

  it('is not told to a server that agreed to something else, nor of a call whose bytes have not left', async () => {
    await using one = await rig();
    one.server.greets = 'agree';
    one.server.words = 'errors.1';
    const controller = new AbortController();
    const error = failure(one.client.call('A', 'B', 1, { signal: controller.signal }));
    one.server.network.change({ blackHole: 'toClient' });
    await one.server.call(0);
    controller.abort();
    await error;
    one.server.network.change({ blackHole: 'none' });
    const compressor: Compressor = { id: 2, name: 'stuck', compress: () => new Promise(() => {}), decompress: (payload) => payload };
    await using two = await rig({ compressors: [compressor] });
    two.server.greets = 'agree';
    two.server.onCall = (call) => two.server.reply(call);
    await two.client.call('A', 'Warm', 1);
    const second = new AbortController();
    const unsent = failure(two.client.call('A', 'B', 'x'.repeat(2000), { signal: second.signal }));
    await settled();
    second.abort();
    await unsent;
    await settled();
    expect([one.server.received.map(({ method }) => method), two.server.received.map(({ method }) => method)]).toEqual([['B'], ['Warm']]);
  });

  it('is told once the server has agreed, with the number of its call', async () => {
    await using one = await rig();
    one.server.greets = 'agree';
    const controller = new AbortController();
    const error = failure(one.client.call('A', 'B', 1, { signal: controller.signal }));
    const call = await one.server.call(0);
    controller.abort();
    await error;
    const cancel = await one.server.call(1);
    expect([cancel.service, cancel.method, cancel.sequence, cancel.flags]).toEqual(['_rpcxjs', 'cancel.1', call.sequence, flag.oneway]);
  });
});

it('what a server sends by itself and expects a reply to is dropped, and does not end the connection', async () => {
  await using one = await rig();
  const heard = deferred<unknown>();
  one.client.onPush({ kind: 'push', service: 'S', name: 'E' } as never, heard.resolve);
  one.server.onCall = (call) => { one.server.send({ service: 'S', method: 'E', payload: '1' }, { service: 'S', method: 'E', flags: flag.oneway, payload: '2' }); one.server.reply(call); };
  await one.client.call('A', 'B', 1);
  expect(await heard.promise).toBe(2);
});
