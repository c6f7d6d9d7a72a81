import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { type GoClient, startGoClient } from '../src/index.ts';
import { Arith, arithHandlers } from './arith.ts';
import { startTypeScriptServer, type TypeScriptServer } from './typescript-server.ts';
import { describeWithGo } from './with-go.ts';

describeWithGo('a Go client calls a TypeScript server', () => {
  let go: GoClient;
  let peer: TypeScriptServer;
  beforeAll(async () => {
    [go, peer] = await Promise.all([startGoClient(), startTypeScriptServer()]);
  });
  afterAll(async () => {
    await Promise.all([go.process.stop(), peer.server.close()]);
  });

  it.each([[1, 'JSON'], [3, 'msgpack'], [9, 'a custom codec at a free number']])('with serialize type %i, %s', async (serialize) => {
    const connection = await go.connect({ servers: [peer.address], serialize });
    expect(await connection.call('Arith', 'Mul', { shape: 'Args', args: { A: -6, B: 7 }, reply: 'Reply' })).toEqual(expect.objectContaining({ value: { C: -42 } }));
    expect(await connection.call('Arith', 'Say', { shape: 'Text', args: { Text: '服务🚀*3' }, reply: 'Text' })).toMatchObject({ value: { Text: '服务🚀服务🚀服务🚀' } });
    await connection.close();
  });

  it.each([1, 3, 9])('and gets a zero value from a handler that returns nothing, with serialize type %i', async (serialize) => {
    peer.server.registerFunction('Nothing', 'Do', () => undefined);
    const connection = await go.connect({ servers: [peer.address], serialize });
    const answer = await connection.call('Nothing', 'Do', { shape: 'Args', reply: 'Reply' });
    expect(answer).toMatchObject({ value: { C: 0 } });
    expect(answer.error).toBeUndefined();
    await connection.close();
  });

  it('with raw bytes', async () => {
    const connection = await go.connect({ servers: [peer.address], serialize: 0 });
    for (const argsHex of ['00ff', '08'.repeat(100), 'ab'.repeat(100_000)]) {
      expect(await connection.call('Bytes', 'Echo', { shape: 'bytes', argsHex, reply: 'bytes' })).toMatchObject({ hex: argsHex });
    }
    await connection.close();
  });

  it('and gets replies out of order, each to its call', async () => {
    const connection = await go.connect({ servers: [peer.address] });
    const order: number[] = [];
    await Promise.all(
      [300, 5, 200, 100].map(async (Ms, ID) => {
        expect(await connection.call('Arith', 'Sleep', { shape: 'SleepArgs', args: { Ms, ID }, reply: 'SleepReply' })).toMatchObject({ value: { ID } });
        order.push(ID);
      }),
    );
    expect(order).toEqual([1, 3, 2, 0]);
    await connection.close();
  });

  it('A6: 20 000 times, 0 failed, with each of Go\'s fail modes', async () => {
    for (const failMode of ['failfast', 'failtry', 'failover', 'failbackup'] as const) {
      const connection = await go.connect({ servers: [peer.address], mode: 'xclient', failMode });
      expect(await connection.many(5000, 50), failMode).toMatchObject({ calls: 5000, failed: 0, firstError: null });
      await connection.close();
    }
  });

  it('at any service path, registered and unregistered at run time', async () => {
    const path = '/a path/with.dots/服务';
    const connection = await go.connect({ servers: [peer.address] });
    const call = { shape: 'Args', args: { A: 2, B: 3 }, reply: 'Reply' };
    peer.server.register(Arith, arithHandlers, { path });
    expect(await connection.call(path, 'Mul', call)).toMatchObject({ value: { C: 6 } });
    peer.server.unregister(path);
    expect((await connection.call(path, 'Mul', call)).error).toBe(`rpcx: can't find service ${path}`);
    peer.server.registerFunction('Functions', 'Mul', ({ A, B }: { A: number; B: number }) => ({ C: A * B }));
    expect(await connection.call('Functions', 'Mul', call)).toMatchObject({ value: { C: 6 } });
    await connection.close();
  });

  it('with request and response metadata', async () => {
    const connection = await go.connect({ servers: [peer.address] });
    const metadata = { 'reply-a': '1', 'reply-服务': '值', other: '', '': 'empty key' };
    const answer = await connection.call('Arith', 'EchoMeta', { shape: 'Text', reply: 'MetaReply', metadata });
    expect(answer.value).toEqual({ Metadata: metadata });
    expect(answer.metadata).toEqual({ 'reply-a': '1', 'reply-服务': '值', __ServerAddress: peer.address.slice(4) });
    await connection.close();
  });

  it('and gets the text of what a handler threw, with response metadata beside it', async () => {
    const connection = await go.connect({ servers: [peer.address] });
    const text = { shape: 'Text', args: { Text: 'boo 错误' }, reply: 'Text' };
    expect(await connection.call('Arith', 'Fail', text)).toMatchObject({ error: 'boo 错误', serviceError: true });
    expect(await connection.call('Arith', 'Panic', text)).toMatchObject({ error: 'boo 错误', serviceError: true });
    expect(await connection.call('Arith', 'FailMeta', text)).toMatchObject({ error: 'boo 错误', metadata: { 'reply-why': 'because' } });
    expect(await connection.call('Nope', 'Mul', text)).toMatchObject({ error: "rpcx: can't find service Nope", serviceError: true });
    expect(await connection.call('Arith', 'Nope', text)).toMatchObject({ error: "rpcx: can't find method Nope", serviceError: true });
    const silent = await connection.call('Arith', 'Fail', { ...text, args: { Text: '' } });
    expect(silent.error, 'an error without a text is an error all the same').toBeTruthy();
    await connection.close();
  });

  it('and keeps its connection after a payload or a codec that the server does not understand', async () => {
    const connection = await go.connect({ servers: [peer.address], serialize: 4 });
    expect(await connection.raw('Arith', 'Mul', { seq: 1n, serialize: 3, argsHex: 'c1' })).toMatchObject({ error: expect.stringContaining('msgpack') });
    expect(await connection.raw('Arith', 'Mul', { seq: 2n, serialize: 7, argsHex: '00' })).toMatchObject({ error: 'can not find codec for 7' });
    expect(await connection.raw('Arith', 'Mul', { seq: 3n, serialize: 3, argsHex: '82a14103a14204' })).toMatchObject({ hex: '81a1430c' });
    await connection.close();
  });

  it('with sequence numbers above 2^53', async () => {
    const connection = await go.connect({ servers: [peer.address] });
    for (const seq of [2n ** 53n, 2n ** 53n + 1n, 2n ** 63n, 2n ** 64n - 1n]) {
      expect(await connection.raw('Bytes', 'Echo', { seq, argsHex: 'abcd' })).toMatchObject({ hex: 'abcd' });
    }
    await connection.close();
  });

  it('with raw messages, of which an error status with and without a text is an error', async () => {
    const connection = await go.connect({ servers: [peer.address] });
    expect(await connection.raw('Bytes', 'Fail', { argsHex: 'abcd' })).toMatchObject({ error: 'failed with a payload', hex: 'abcd' });
    // Go's own SendRaw falls over an error without metadata, so a server must always send the text.
    expect((await connection.raw('Router', 'BareError', { seq: 1n, argsHex: '00' })).error).toBeTruthy();
    await connection.close();
  });

  it('one way', async () => {
    const connection = await go.connect({ servers: [peer.address] });
    for (const text of ['a', 'fail', 'b']) expect(await connection.call('Notes', 'Add', { shape: 'Text', args: { Text: text }, oneway: true })).toEqual(expect.not.objectContaining({ error: expect.anything() }));
    await vi.waitFor(() => { expect(peer.notes).toEqual(expect.arrayContaining(['a', 'fail', 'b'])); });
    expect(await connection.call('Arith', 'Mul', { shape: 'Args', args: { A: 1, B: 1 }, reply: 'Reply' }), 'nothing came back for them').toMatchObject({ value: { C: 1 } });
    await connection.close();
  });

  it('with a deadline on the wire, which the handler sees and which ends it', async () => {
    const connection = await go.connect({ servers: [peer.address], mode: 'xclient' });
    const { value } = await connection.call('Arith', 'Deadline', { shape: 'Text', reply: 'DeadlineReply', timeoutMs: 5000 });
    const { Has, RemainingMs, Raw } = value as { Has: boolean; RemainingMs: number; Raw: string };
    expect(Has).toBe(true);
    expect(Number(Raw)).toBeLessThanOrEqual(5000);
    expect(RemainingMs).toBeGreaterThan(4000);
    expect(RemainingMs).toBeLessThanOrEqual(Number(Raw));
    peer.aborted.length = 0;
    const late = await connection.call('Arith', 'Sleep', { shape: 'SleepArgs', args: { Ms: 60_000, ID: 1 }, reply: 'SleepReply', timeoutMs: 100 });
    expect(late.error).toMatch(/deadline/);
    await vi.waitFor(() => { expect(peer.aborted).toEqual(['TIMEOUT']); });
    await connection.close();
  });

  it('and its disconnection tells the handler to stop', async () => {
    const connection = await go.connect({ servers: [peer.address] });
    peer.aborted.length = 0;
    const pending = connection.call('Arith', 'Sleep', { shape: 'SleepArgs', args: { Ms: 60_000, ID: 1 }, reply: 'SleepReply' });
    await vi.waitFor(() => { expect(peer.server.stats().running).toBe(1); });
    await connection.close();
    expect((await pending).error).toBe('connection is shut down');
    await vi.waitFor(() => { expect(peer.aborted).toEqual(['CONNECTION_LOST']); });
  });

  it('and receives what the server pushes', async () => {
    const connection = await go.connect({ servers: [peer.address] });
    const answer = await connection.call('Events', 'Push', { shape: 'PushArgs', args: { Count: 100, Metadata: { k: 'v' } }, reply: 'PushReply' });
    expect(answer).toMatchObject({ value: { Count: 100 } });
    const pushes = await connection.pushes(100, 20);
    expect(pushes).toHaveLength(100);
    const asMsgpack = `81a454657874a7${Buffer.from('push 99').toString('hex')}`;
    expect(pushes.at(-1)).toMatchObject({ service: 'Events', method: 'Note', metadata: { k: 'v' }, oneway: true, status: 0, serialize: 3, hex: asMsgpack });
    await connection.close();
  });
});
