import { systemClock, type Discovery, type Logger, type Pick } from '@rpcxjs/core';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { ClientOptions } from '../src/client-options.ts';
import { failfast } from '../src/fail-modes/failfast.ts';
import { methodsOf } from '../src/method-refs.ts';
import { failure, recordingLogger, rig, settled } from './fake-server.ts';

const { Get } = methodsOf<{ Get(n: number): Promise<string> }>('Store');
// The types let it pass where a function returns nothing.
const slip = (): never => Promise.reject(new Error('a slip')) as never;
const unhandled: unknown[] = [];
const note = (error: unknown): void => void unhandled.push(error);

describe('an asynchronous function in the place of a synchronous one', () => {
  beforeEach(() => void process.on('unhandledRejection', note));
  afterEach(async () => {
    await settled();
    process.off('unhandledRejection', note);
    expect(unhandled.splice(0)).toEqual([]);
  });

  const build = (pick: () => unknown): ClientOptions['selector'] => ({ name: 's', build: () => ({ pick: pick as () => Pick }) });
  it.each<[string, Partial<ClientOptions>, string]>([
    ['a contributor of headers', { headers: [slip] }, 'a contributor of headers returned a promise: it has to be synchronous'],
    ['a token', { token: slip }, 'the token returned a promise: it has to be synchronous'],
    ['a filter of outgoing messages', { filters: { outgoing: slip } }, 'the filter of outgoing messages threw at the request Store.Get to memory@fake: it returned a promise: it has to be synchronous'],
    ['a selector', { selector: build(slip) }, 'the selector of "Store" threw: its pick returned a promise: it has to be synchronous'],
    ['a selector without an instance,', { selector: build(() => ({})) }, 'the selector of "Store" threw: its pick has no instance'],
  ])('that is %s fails the call, of which nothing is sent', async (_name, options, message) => {
    await using one = await rig(options);
    one.server.onCall = (call) => one.server.reply(call);
    expect(await failure(one.client.call('Store', 'Get', 1))).toMatchObject({ code: 'internal', sent: false, message });
    expect(one.server.received).toEqual([]);
  });

  it('that is a filter of incoming messages fails the call', async () => {
    await using one = await rig({ filters: { incoming: slip } });
    one.server.onCall = (call) => one.server.reply(call);
    expect(await failure(one.client.call('Store', 'Get', 1))).toMatchObject({ code: 'internal', message: expect.stringContaining('it returned a promise') as string });
  });

  it('that is mapError fails the call, with the error of the server as its cause', async () => {
    await using one = await rig({ mapError: slip });
    one.server.onCall = (call) => one.server.fail(call, 'no stock');
    expect(await failure(one.client.call('Store', 'Get', 1))).toMatchObject({ code: 'internal', message: 'mapError returned a promise: it has to be synchronous', sent: true, cause: { message: expect.stringContaining('no stock') as string } });
  });

  it('that is a fail mode ends the call with the error of its attempt', async () => {
    const logger = recordingLogger();
    await using one = await rig({ logger, failMode: { name: 'late', next: slip } });
    one.server.onCall = (call) => one.server.fail(call, 'no stock');
    expect((await failure(one.client.call('Store', 'Get', 1))).message).toContain('no stock');
    expect(logger.lines.map(({ message }) => message)).toEqual(['a fail mode threw, and the call is not tried again']);
  });

  it.each<[string, () => void]>([['returns a promise that rejects', slip], ['throws', () => { throw new Error('closed'); }]])('that is a logger, which %s, holds up no call and no close', async (_how, line) => {
    const lines = [vi.spyOn(console, 'warn').mockReturnValue(), vi.spyOn(console, 'error').mockReturnValue()];
    const logger: Logger = { debug: line, info: line, warn: line, error: line, child: () => logger };
    let asked = 0;
    const discovery: Discovery = { async *watch() {
      if (++asked < 2) throw new Error('away');
      yield [{ address: 'memory@fake', metadata: {} }, { address: 'nonsense', metadata: {} }];
    } };
    await using one = await rig({ logger, servers: undefined, discovery, failMode: { name: 'f', next: slip }, plugins: [{ name: 'p', stop: slip }] });
    one.server.onCall = (call) => one.server.reply(call);
    expect(await failure(one.client.call('Store', 'Get', 1))).toMatchObject({ code: 'unavailable', reason: 'NO_INSTANCE' });
    await vi.waitFor(async () => expect(await one.client.call('Store', 'Get', 1)).toBe('ok'));
    await one.client.close();
    expect(lines.flatMap(({ mock }) => mock.calls.map(([text]) => /^\[rpcxjs\] (?:a|the) [a-z]+/.exec(String(text))?.[0]))).toEqual(expect.arrayContaining(['[rpcxjs] the discovery', '[rpcxjs] a plugin', '[rpcxjs] a fail']));
    vi.restoreAllMocks();
  });

  it.each<[string, Partial<ClientOptions>, string]>([
    ['a selector that builds', { selector: { name: 's', build: slip } }, 'a selector threw when it got a new list; the servers are taken in turn until the next one'],
    ['wrapPicker', { selector: { name: 's', build: ([instance]) => ({ pick: () => instance && { instance } }) }, plugins: [{ name: 'p', wrapPicker: slip }] }, 'a plugin threw when it was to wrap a picker, which stays as it is'],
    ['what a fail mode does with a success', { failMode: { name: 'late', next: () => 'give-up', succeeded: slip } }, 'a fail mode threw when it was told of a success: a slip'],
  ])('that is %s fails no call, and is logged', async (_name, options, message) => {
    const logger = recordingLogger();
    await using one = await rig({ ...options, logger });
    one.server.onCall = (call) => one.server.reply(call);
    expect(await one.client.call('Store', 'Get', 1)).toBe('ok');
    await settled();
    expect(logger.lines.map((line) => line.message)).toEqual([message]);
  });

  it.each([null, 7, 'text', {}])('or something else, %j, where a picker is due leaves the servers as they are', async (nonsense) => {
    const first: ClientOptions['selector'] = { name: 's', build: ([instance]) => ({ pick: () => instance && { instance } }) };
    for (const options of [{ selector: { name: 's', build: () => nonsense as never } }, { selector: first, plugins: [{ name: 'p', wrapPicker: () => nonsense as never }] }]) {
      const logger = recordingLogger();
      await using one = await rig({ ...options, logger });
      one.server.onCall = (call) => one.server.reply(call);
      expect(await one.client.call('Store', 'Get', 1)).toBe('ok');
      expect(logger.lines).toMatchObject([{ fields: { err: { message: expect.stringContaining('gave no picker') as string } } }]);
    }
  });

  it.each([7, 'again', {}, { again: 'other' }])('or something else, %j, where a fail mode decides ends the call with the error of its attempt', async (nonsense) => {
    const logger = recordingLogger();
    await using one = await rig({ logger, failMode: { name: 'vague', next: () => nonsense as never } });
    one.server.onCall = (call) => one.server.fail(call, 'no stock');
    expect((await failure(one.client.call('Store', 'Get', 1))).message).toContain('no stock');
    expect(logger.lines.map(({ message }) => message)).toEqual(['a fail mode threw, and the call is not tried again']);
  });

  it('that is the watch of a discovery finds no servers, and says why', async () => {
    await using one = await rig({ servers: undefined, discovery: { watch: slip }, timeoutMs: 100, failMode: failfast() });
    expect(await failure(one.client.call('Store', 'Get', 1))).toMatchObject({ reason: 'NO_INSTANCE', message: expect.stringContaining('watch returned a promise: it has to be synchronous') as string });
  });

  it('of which nobody wants anything is let be, and its rejection is logged', async () => {
    const logger = recordingLogger();
    const selector: ClientOptions['selector'] = { name: 's', build: ([instance]) => ({ pick: () => instance && { instance, done: slip } }) };
    await using one = await rig({ logger, selector });
    one.server.onCall = (call) => one.server.reply(call);
    expect(await one.client.call('Store', 'Get', 1, { onReply: slip })).toBe('ok');
    expect(await one.client.start(Get, 1, { done: slip, onReply: slip })).toBe('ok');
    await settled();
    const picker = 'a picker threw when it was told how an attempt went: a slip';
    const onReply = 'onReply threw: a slip';
    expect(logger.lines.map(({ message }) => message).toSorted()).toEqual([picker, picker, onReply, onReply, 'what was to be done after a call threw: a slip'].toSorted());
  });
});

it('A discovery that says one list after the other without a pause leaves turns to everything else', async () => {
  let said = 0;
  const list = [{ address: 'memory@fake', metadata: {} }];
  const discovery: Discovery = { async *watch(_service, { signal }) { for (; signal?.aborted === false; said++) yield list; } };
  const one = await rig({ servers: undefined, discovery, clock: systemClock });
  one.server.onCall = (call) => one.server.reply(call);
  expect(await one.client.call('Store', 'Get', 1)).toBe('ok');
  await vi.waitFor(() => expect(said).toBeGreaterThan(2000));
  await one.client.close();
  const after = said;
  await settled();
  expect(said - after).toBeLessThan(2);
});
