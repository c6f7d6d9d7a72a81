import { gzip } from '@rpcxjs/compress-gzip';
import { contract, push, unary, type Compressor } from '@rpcxjs/core';
import { flag } from '@rpcxjs/protocol';
import { describe, expect, it } from 'vitest';
import { deferred, rig, settled, until, type Rig } from '../test/fake-server.ts';
import type { ClientOptions } from './client-options.ts';
import type { ServerMessage } from './server-messages.ts';

const { Item, Other } = contract('Feed', { Item: push<number>(), Other: push<number>() }).methods;

/** A client that is connected, and a server that pushes. */
async function feed(options: Partial<ClientOptions> = {}): Promise<Rig & { push(payload: string | Uint8Array, more?: object): void }> {
  const one = await rig(options);
  one.server.onCall = (call) => one.server.reply(call);
  await one.client.call('A', 'B', 1);
  return { ...one, [Symbol.asyncDispose]: () => one[Symbol.asyncDispose](), push: (payload, more) => one.server.send({ service: 'Feed', method: 'Item', flags: flag.oneway, payload, ...more }) };
}

describe('a push', () => {
  it('reaches the listeners of its name, and nobody after they left', async () => {
    await using one = await feed();
    const heard: string[] = [];
    const stops = [one.client.onPush(Item, (n) => heard.push(`a${n}`)), one.client.onPush(Item, (n) => heard.push(`b${n}`)), one.client.onPush(Other, (n) => heard.push(`c${n}`))];
    one.push('1');
    await until(() => heard.length === 2);
    stops[0]?.();
    stops[0]?.();
    one.push('2');
    await until(() => heard.length === 3);
    stops[1]?.();
    one.push('3');
    await until(() => one.client.stats().droppedPushes === 1);
    expect(heard).toEqual(['a1', 'b1', 'b2']);
  });

  it.each<[unknown, unknown, string]>([
    ['Item', () => {}, '"Item" is no push: it takes one of a contract, Orders.methods.Shipped'],
    [undefined, () => {}, 'undefined is no push'],
    [contract('Feed', { All: unary<number, number>() }).methods.All, () => {}, 'unary "Feed.All" is no push'],
    [Item, undefined, 'the listener is undefined: it takes a function of the value'],
    [Item, 'log', 'the listener is "log"'],
  ])('that is asked for by %o with the listener %o is a TypeError: nothing would ever be heard', async (event, listener, message) => {
    await using one = await feed();
    expect(() => one.client.onPush(event as typeof Item, listener as () => void)).toThrow(new RegExp(`^${message}`));
    if (event !== Item) expect(() => one.client.pushes(event as typeof Item)).toThrow(TypeError);
  });

  it('that a listener leaves on, or joins on, goes to those that were there', async () => {
    await using one = await feed();
    const heard: string[] = [];
    const stop = one.client.onPush(Item, () => { heard.push('first'); stop(); one.client.onPush(Item, () => heard.push('late')); });
    one.client.onPush(Item, () => heard.push('second'));
    one.push('1');
    await until(() => heard.length === 2);
    one.push('2');
    await until(() => heard.length === 4);
    expect(heard).toEqual(['first', 'second', 'second', 'late']);
  });

  it('whose listener throws, at once or later, is heard by the others, and what it threw is logged', async () => {
    await using one = await feed();
    const { lines } = one.logger;
    const heard = deferred<number>();
    one.client.onPush(Item, () => { throw new Error('at once'); });
    one.client.onPush(Item, (): unknown => settled().then(() => { throw new Error('later'); }));
    one.client.onPush(Item, heard.resolve);
    one.push('1');
    expect(await heard.promise).toBe(1);
    await until(() => lines.length === 2);
    const message = 'a listener for pushes threw';
    expect(lines).toEqual([{ fields: { err: new Error('at once') }, message }, { fields: { err: new Error('later') }, message }]);
  });

  it.each([
    ['a payload that does not decode', { payload: '{' }],
    ['an unknown codec', { codecId: 9 }],
    ['an unknown compressor', { flags: flag.oneway | (5 << flag.compressorShift) }],
    ['what is not compressed', { flags: flag.oneway | (1 << flag.compressorShift) }],
  ])('with %s is dropped with a warning, and the next one is heard', async (_name, parts) => {
    await using one = await feed({ compressors: [gzip()] });
    const heard = deferred<number>();
    one.client.onPush(Item, heard.resolve);
    one.push('1', parts);
    await until(() => one.client.stats().droppedPushes === 1);
    one.push('2');
    expect(await heard.promise).toBe(2);
    expect(one.logger.lines).toMatchObject([{ message: 'a push could not be read and was dropped', fields: { service: 'Feed', method: 'Item' } }]);
  });

  it('that is compressed is inflated, at once or later, and what does not fit is dropped', async () => {
    const later: Compressor = { ...gzip(), id: 2, decompress: async (payload, most) => { await settled(); return gzip().decompress(payload, most); } };
    await using one = await feed({ compressors: [gzip(), later], limits: { maxInflatedBytes: 2000 } });
    const items = one.client.pushes(Item);
    const packed = async (text: string): Promise<Uint8Array> => gzip().compress(Buffer.from(text));
    one.push(await packed(`1${' '.repeat(1500)}`), { flags: flag.oneway | (1 << flag.compressorShift) });
    one.push(await packed(`2${' '.repeat(2500)}`), { flags: flag.oneway | (1 << flag.compressorShift) });
    one.push(await packed('3'), { flags: flag.oneway | (2 << flag.compressorShift) });
    expect([(await items.next()).value, (await items.next()).value]).toEqual([1, 3]);
    expect(one.client.stats().droppedPushes).toBe(1);
  });
});

describe('a reader of pushes', () => {
  it('ends with return, with dispose and with break, and what comes then is dropped', async () => {
    await using one = await feed();
    const [first, second, third] = [one.client.pushes(Item), one.client.pushes(Item), one.client.pushes(Item)];
    one.push('1');
    for await (const item of third) if (item === 1) break;
    expect(await first.return?.()).toEqual({ value: undefined, done: true });
    expect(await first.next()).toEqual({ value: undefined, done: true });
    second[Symbol.dispose]();
    expect((await second.next()).value).toBe(1);
    expect((await second.next()).done).toBe(true);
    one.push('2');
    await until(() => one.client.stats().droppedPushes === 1);
  });

  it('wakes everybody who waits when it ends, and each reader gets every message', async () => {
    await using one = await feed();
    const [first, second] = [one.client.pushes(Item), one.client.pushes(Item)];
    const waiting = [first.next(), first.next(), second.next()];
    one.push('7');
    expect([await waiting[0], await waiting[2]]).toEqual([{ value: 7, done: false }, { value: 7, done: false }]);
    first[Symbol.dispose]();
    expect(await waiting[1]).toEqual({ value: undefined, done: true });
    one.client.abort();
    expect(await second.next()).toEqual({ value: undefined, done: true });
  });
});

describe('the channel of all messages', () => {
  it('has them inflated and undecoded; what does not decode says so to its reader, what does not inflate is dropped', async () => {
    const zipper = gzip();
    await using one = await feed({ compressors: [zipper] });
    const messages = one.client.messages();
    const text = JSON.stringify('x'.repeat(2000));
    const flags = flag.oneway | (zipper.id << flag.compressorShift);
    one.push(await zipper.compress(new TextEncoder().encode(text)), { flags, metadata: { a: 'b' } });
    one.push('not packed', { flags });
    one.push('{');
    one.push('1', { codecId: 9, service: 'Unknown', method: 'None' });
    const [whole, broken, stranger] = [await messages.next(), await messages.next(), await messages.next()].map(({ value }) => value as ServerMessage);
    expect(whole).toMatchObject({ service: 'Feed', method: 'Item', codecId: 1, metadata: { a: 'b' }, address: one.server.address });
    expect([new TextDecoder().decode(whole?.payload), whole?.decode()]).toEqual([text, 'x'.repeat(2000)]);
    expect(() => broken?.decode()).toThrow(expect.objectContaining({ reason: 'BAD_PAYLOAD' }) as Error);
    expect([stranger?.service, stranger?.payload]).toEqual(['Unknown', new Uint8Array([49])]);
    expect(() => stranger?.decode()).toThrow(expect.objectContaining({ reason: 'UNKNOWN_CODEC' }) as Error);
    expect(one.client.stats().droppedPushes).toBe(1);
    expect(one.logger.lines).toHaveLength(1);
  });
});
