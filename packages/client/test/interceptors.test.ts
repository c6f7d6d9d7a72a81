import { jsonCodec, LazySignal, RpcError, runAmbient, type ClientCall, type Interceptor, type Pick, type Reply } from '@rpcxjs/core';
import { flag } from '@rpcxjs/protocol';
import { manualClock } from '@rpcxjs/testing';
import { describe, expect, it } from 'vitest';
import type { ClientOptions } from '../src/client-options.ts';
import { failover } from '../src/fail-modes/failover.ts';
import { deferred, failure, rig, settled, until, type Rig } from './fake-server.ts';

type One = Interceptor<ClientCall>;

/** A rig that answers each call with its names and input. */
async function echo(options: Partial<ClientOptions>): Promise<Rig> {
  const one = await rig(options);
  one.server.onCall = (call) => one.server.reply(call, { payload: JSON.stringify(`${call.service}.${call.method} ${call.payload.toString()}`) });
  return one;
}
const attempt = (interceptAttempt: One): Partial<ClientOptions> => ({ plugins: [{ name: 'p', interceptAttempt }] });
const levels: readonly (readonly [string, (one: One) => Partial<ClientOptions>])[] = [['a call', (one) => ({ intercept: [one] })], ['an attempt', attempt]];

describe('interceptors', () => {
  it.each(levels)('of %s that take call and next at once are a TypeError where the client is made', async (_level, around) => {
    const flat = ((call: ClientCall, next: (call: ClientCall) => unknown) => next?.(call)) as unknown as One;
    await expect(rig(around(flat))).rejects.toThrow('an interceptor is (next) => (call) => next(call)');
    await expect(rig(around('log' as unknown as One))).rejects.toThrow('an interceptor is (next) => (call) => next(call)');
  });

  it('stand around each other in their order, plugins outside of options, those of calls outside of those of attempts', async () => {
    const order: string[] = [];
    const note = (name: string): One => (next) => async (call) => {
      order.push(`${name}>`);
      const reply = await next(call);
      order.push(`<${name}`);
      return reply;
    };
    const plugins = [{ name: 'p', intercept: note('p'), interceptAttempt: note('ap') }, { name: 'q', intercept: note('q'), interceptAttempt: note('aq') }];
    await using one = await echo({ plugins, intercept: [note('o'), note('i')] });
    expect(await one.client.call('A', 'B', 1)).toBe('A.B 1');
    expect(order.join(' ')).toBe('p> q> o> i> ap> aq> <aq <ap <i <o <q <p');
  });

  it('of attempts run again for each attempt, those of calls once', async () => {
    const ran = { calls: 0, attempts: 0 };
    const count = (what: keyof typeof ran): One => (next) => (call) => { ran[what] += 1; return next(call); };
    await using one = await rig({ servers: 'memory@nobody', failMode: failover({ retries: 3, backoffMs: 0 }), intercept: [count('calls')], ...attempt(count('attempts')) });
    expect(await failure(one.client.call('A', 'B', 1))).toMatchObject({ reason: 'CONNECT_FAILED' });
    expect(ran).toEqual({ calls: 1, attempts: 4 });
  });

  it('see the call, put metadata on it, and see the reply with its own', async () => {
    const seen: unknown[] = [];
    await using one = await rig({
      intercept: [(next) => async (call) => {
        seen.push([call.service, call.method, call.input, call.oneway, call.idempotent, call.hashKey, (call.remainingMs() ?? 0) > 900]);
        call.metadata['who'] = 'me';
        const reply = await next(call);
        seen.push({ ...reply.metadata }, reply.output);
        return reply;
      }],
    });
    one.server.onCall = (call) => one.server.reply(call, { metadata: { from: call.metadata['who'] ?? '' } });
    expect(await one.client.call('A', 'B', [1], { timeoutMs: 1000, hashKey: 'k' })).toBe('ok');
    expect(seen).toEqual([['A', 'B', [1], false, false, 'k', true], { from: 'me' }, 'ok']);
  });

  describe.each(levels)('of %s', (_level, around) => {
    it('may pass on a call under other names, with another input, or both', async () => {
      await using one = await echo(around((next) => (call) => next(call.with(call.input as object))));
      expect(await one.client.call('A', 'B', { service: 'C' })).toBe('C.B {"service":"C"}');
      expect(await one.client.call('A', 'B', { method: 'D' })).toBe('A.D {"method":"D"}');
      expect(await one.client.call('A', 'B', { input: 7 })).toBe('A.B 7');
      expect(await one.client.call('A', 'B', { service: 'E', method: 'F', input: null })).toBe('E.F null');
      expect(one.client.stats()).toMatchObject({ active: 0, succeeded: 4 });
    });

    it('write metadata in place: a copy with metadata, or with what is misspelt, is refused, and nothing is sent', async () => {
      await using one = await echo(around((next) => (call) => next(call.with(call.input as object))));
      const error = await failure(one.client.call('A', 'B', { metadata: { __AUTH: 'token' } }));
      expect(error).toMatchObject({ message: expect.stringContaining('call.with() has no option "metadata": it takes service, method, input') as string });
      expect(one.client.stats().dials).toBe(0);
    });

    it('may answer without calling next', async () => {
      await using one = await echo(around(() => () => ({ output: 'cached', metadata: {} })));
      expect(await one.client.call('A', 'B', 1)).toBe('cached');
      expect([one.server.connections.length, one.client.stats().active]).toEqual([0, 0]);
    });

    it('that return no reply fail the call, and say what to return', async () => {
      for (const nothing of [(() => () => undefined) as unknown as One, ((next: (call: ClientCall) => unknown) => async (call: ClientCall) => void (await next(call))) as unknown as One]) {
        await using one = await echo(around(nothing));
        const text = 'an interceptor of A.B returned no reply; return what next(call) resolves with, or { output, metadata }';
        expect(await failure(one.client.call('A', 'B', 1, { timeoutMs: 1000 }))).toMatchObject({ code: 'internal', message: text });
        expect([one.client.pendingCount, one.client.nodes()[0]?.inFlight]).toEqual([0, 0]);
      }
    });

    it('may return anything with a then, as query builders and promises of other libraries have', async () => {
      const wrapped = (pending: unknown): unknown => ({ then: (ok: (reply: unknown) => void, failed: (error: unknown) => void) => void Promise.resolve(pending).then(ok, failed) });
      await using one = await echo(around(((next: (call: ClientCall) => unknown) => (call: ClientCall) => wrapped(next(call))) as unknown as One));
      expect(await one.client.call('A', 'B', 1)).toBe('A.B 1');
      await using other = await echo(around((() => () => wrapped(Promise.reject(new RpcError('permission_denied', 'not you')))) as unknown as One));
      expect(await failure(other.client.call('A', 'B', 1))).toMatchObject({ code: 'permission_denied', message: 'not you' });
    });

    it('may throw before and after, at once and later, and the call fails with that', async () => {
      const early = around(() => () => { throw new RpcError('permission_denied', 'not you'); });
      const late = around((next) => async (call) => { await next(call); throw new TypeError('a slip'); });
      await using first = await echo(early);
      expect(await failure(first.client.call('A', 'B', 1))).toMatchObject({ code: 'permission_denied', message: 'not you' });
      await using second = await echo(late);
      expect((await failure(second.client.call('A', 'B', 1))).message).toContain('a slip');
      expect([first.client.stats().active, second.client.stats().active, second.server.received.length]).toEqual([0, 0, 1]);
    });

    it('may call next again after a failure', async () => {
      await using one = await echo(around((next) => async (call) => { try { return await next(call); } catch { return next(call); } }));
      const { onCall } = one.server;
      one.server.onCall = (call, connection) => { if (one.server.received.length === 1) one.server.fail(call, 'not yet'); else onCall?.(call, connection); };
      expect(await one.client.call('A', 'B', 1, { metadata: { a: 'b' } })).toBe('A.B 1');
      expect(one.server.received.map(({ metadata }) => metadata['a'])).toEqual(['b', 'b']);
      expect(one.client.stats().active).toBe(0);
    });

    it('may call next twice at once, and both get their own reply', async () => {
      const outputs: unknown[] = [];
      await using one = await rig(around((next) => async (call) => {
        const replies = await Promise.all([next(call), next(call), next(call.with({ method: 'C' })), next(call.with({ method: 'D' }))]);
        outputs.push(...replies.map(({ output }) => output));
        return replies[0];
      }));
      const result = one.client.call('A', 'B', 1);
      await until(() => one.server.received.length === 4);
      for (const [nth, call] of one.server.received.toReversed().entries()) one.server.reply(call, { payload: JSON.stringify(`${call.method}${3 - nth}`) });
      expect(await result).toBe('B0');
      expect(outputs).toEqual(['B0', 'B1', 'C2', 'D3']);
      expect(one.client.stats()).toMatchObject({ active: 0, lateReplies: 0 });
    });

    it('may let one of several fail without harm to the others', async () => {
      await using one = await rig(around((next) => (call) => Promise.any([next(call.with({ method: 'Bad' })), next(call.with({ method: 'Good' }))])));
      one.server.onCall = (call) => { if (call.method === 'Bad') one.server.fail(call, 'no'); };
      const result = one.client.call('A', 'B', 1);
      one.server.reply(await one.server.call(1));
      expect(await result).toBe('ok');
    });

    it('that wait for ever after next end by the deadline, and what they sent is forgotten', async () => {
      const clock = manualClock();
      const failed: unknown[] = [];
      const note = (error: RpcError): never => { failed.push(error.reason); throw error; };
      await using one = await rig({ clock, ...around((next) => async (call) => (await Promise.all([next(call), next(call.with({ method: 'C' }))].map((reply) => Promise.resolve(reply).catch(note))))[0] as Reply) });
      const error = failure(one.client.call('A', 'B', 1, { timeoutMs: 100 }));
      await until(() => one.server.received.length === 2);
      await clock.advanceAsync(200);
      expect(await error).toMatchObject({ reason: 'TIMEOUT', sent: true });
      await settled();
      expect(failed).toEqual(['TIMEOUT', 'TIMEOUT']);
      for (const call of one.server.received) one.server.reply(call);
      await until(() => one.client.stats().lateReplies === 2);
      expect(one.client.stats().active).toBe(0);
    });

    it('get a reply without output from a one-way call', async () => {
      const seen: unknown[] = [];
      await using one = await rig(around((next) => async (call) => { const reply = await next(call); seen.push(call.oneway, reply.output, { ...reply.metadata }); return reply; }));
      expect(await one.client.oneway({ service: 'A', name: 'B', kind: 'unary' } as never, 1)).toBeUndefined();
      expect(seen).toEqual([true, undefined, {}]);
      expect((await one.server.call(0)).flags & flag.oneway).toBe(flag.oneway);
    });
  });

  it.each([
    ['is canceled', { reason: 'ABORTED', sent: false }, new RpcError('canceled', 'the caller left', { reason: 'ABORTED' })],
    ['is out of time', { reason: 'TIMEOUT', sent: false }, new RpcError('deadline_exceeded', 'too late', { reason: 'TIMEOUT' })],
  ])('of calls that never answer, nor call next, end with the call whose handler makes it when that %s', async (_how, ending, reason) => {
    const clock = manualClock();
    const handler = new LazySignal();
    const other = new LazySignal();
    const makesAnother: One = (next) => (call) => {
      if (call.method !== 'B') return next(call);
      void runAmbient({ deadline: undefined, onAbort: (run) => other.listen(run) }, () => one.client.call('A', 'C', 1));
      return new Promise(() => {});
    };
    await using one = await echo({ clock, timeoutMs: Infinity, intercept: [makesAnother] });
    const ended: unknown[] = [];
    const error = runAmbient({ deadline: undefined, onAbort: (run) => handler.listen(run) }, () => failure(one.client.call('A', 'B', 1))).then((end) => ended.push(end));
    await until(() => one.client.stats().succeeded === 1);
    other.abort(new Error('another caller left'));
    await clock.advanceAsync(100);
    expect(ended).toEqual([]);
    handler.abort(reason);
    await clock.advanceAsync(100);
    await error;
    expect(ended).toMatchObject([ending]);
    expect(one.client.stats().active).toBe(0);
  });

  it('of attempts that never answer end by the deadline', async () => {
    const clock = manualClock();
    await using one = await echo({ clock, ...attempt(() => () => new Promise(() => {})) });
    const error = failure(one.client.call('A', 'B', 1, { timeoutMs: 100 }));
    await clock.advanceAsync(200);
    expect(await error).toMatchObject({ reason: 'TIMEOUT', sent: false });
    expect(one.client.stats().active).toBe(0);
  });

  it('of attempts that pass on a call when it is over send nothing', async () => {
    const clock = manualClock();
    const door = deferred();
    const late = deferred<unknown>();
    await using one = await echo({ clock, ...attempt((next) => async (call) => { await door.promise; try { return await next(call); } catch (error) { late.resolve(error); throw error; } }) });
    const error = failure(one.client.call('A', 'B', 1, { timeoutMs: 100 }));
    await clock.advanceAsync(200);
    expect(await error).toMatchObject({ reason: 'TIMEOUT', sent: false });
    door.resolve();
    expect(await late.promise).toMatchObject({ code: 'canceled', sent: false });
    expect(one.server.connections).toEqual([]);
  });

  it('that take all the time there is leave a call that is not sent', async () => {
    const clock = manualClock();
    const door = deferred();
    await using one = await echo({ clock, intercept: [(next) => async (call) => { await door.promise; return next(call); }] });
    const error = failure(one.client.call('A', 'B', 1, { timeoutMs: 100 }));
    await clock.advanceAsync(150);
    door.resolve();
    expect(await error).toMatchObject({ code: 'deadline_exceeded', reason: 'TIMEOUT', sent: false });
    expect(one.server.received).toEqual([]);
  });

  it('of attempts that are still busy when the client ends leave a call that fails', async () => {
    const door = deferred();
    await using one = await echo({ timeoutMs: Infinity, ...attempt((next) => async (call) => { await door.promise; return next(call); }) });
    const error = failure(one.client.call('A', 'B', 1));
    await settled();
    one.client.abort();
    door.resolve();
    expect(await error).toMatchObject({ reason: 'CLOSED' });
  });

  it('are not asked about raw messages', async () => {
    const never: One = () => () => { throw new Error('asked'); };
    await using one = await echo({ intercept: [never], ...attempt(never) });
    const message = { service: 'A', method: 'B', metadata: {}, payload: Buffer.from('1'), codecId: jsonCodec.id, compressorId: 0, oneway: false, error: false };
    expect(Buffer.from((await one.client.raw(message)).payload).toString()).toBe('"A.B 1"');
  });
});

describe('a call that its interceptor sent more than once', () => {
  it('around the call and around each attempt, gets as many replies', async () => {
    const twice: One = (next) => async (call) => { await next(call); return next(call); };
    await using one = await echo({ intercept: [twice], ...attempt(twice) });
    expect(await one.client.call('A', 'B', 1)).toBe('A.B 1');
    expect(one.server.received).toHaveLength(4);
    expect(one.client.stats()).toMatchObject({ active: 0, calls: 2, succeeded: 2, lateReplies: 0 });
  });

  it('tells the picker of each, and every copy avoids what failed', async () => {
    const done: unknown[] = [];
    const avoided: unknown[] = [];
    const pick = (address: string): Pick => ({ instance: { address, metadata: {} }, done: ({ error }) => void done.push(error === undefined ? 'well' : 'badly') });
    await using one = await echo({
      servers: ['memory@fake', 'memory@nobody'],
      failMode: failover({ backoffMs: 0 }),
      selector: { name: 's', build: () => ({ pick: ({ avoid }) => { avoided.push([...avoid ?? []]); return pick(avoid === undefined ? 'memory@nobody' : 'memory@fake'); } }) },
      ...attempt((next) => (call) => next(call.with({ method: 'C' }))),
    });
    expect(await one.client.call('A', 'B', 1)).toBe('A.C 1');
    expect([done, avoided]).toEqual([['badly', 'well'], [[], ['memory@nobody']]]);
  });

  it('takes the reply that it wants, and the others are cancelled', async () => {
    await using one = await rig(attempt((next) => (call) => Promise.race([next(call), next(call.with({ method: 'C' }))])));
    one.server.greets = 'agree';
    const result = one.client.call('A', 'B', 1);
    one.server.reply(await one.server.call(1));
    expect(await result).toBe('ok');
    const cancel = await one.server.call(2);
    expect([cancel.service, cancel.method, cancel.sequence]).toEqual(['_rpcxjs', 'cancel.1', one.server.received[0]?.sequence]);
  });

  const busy = { '_rpcxjs-error': '{"code":"unavailable","unrun":true}' };
  const twice: One = (next) => async (call) => { try { await next(call); } catch { /* once more */ } return next(call); };
  const again: ClientOptions['failMode'] = { name: 'again', next: ({ retryable, attempt: nth }) => (retryable && nth < 3 ? { again: 'same', afterMs: 0 } : 'give-up') };

  it.each([['refused', 'lost'], ['ran', 'refused'], ['lost', 'refused']])('and %s, then %s, may have run: it is not tried again', async (...fates) => {
    await using one = await rig({ failMode: again, ...attempt(twice) });
    one.server.greets = 'agree';
    one.server.onCall = (call) => one.server.reply(call);
    await one.client.call('A', 'Warm', 0);
    one.server.received.length = 0;
    one.server.onCall = (call) => {
      const fate = fates[one.server.received.length - 1];
      if (fate === 'refused') one.server.fail(call, 'busy', busy);
      else if (fate === 'ran') one.server.reply(call);
      else if (fate === 'lost') one.server.network.links.at(-1)?.cut();
    };
    expect(await failure(one.client.call('A', 'B', 1))).toMatchObject({ code: 'unavailable' });
    expect(one.server.received).toHaveLength(2);
  });

  it('and was refused each time is tried again', async () => {
    await using one = await rig({ failMode: again, ...attempt(twice) });
    one.server.greets = 'agree';
    one.server.onCall = (call) => { if (call.method === 'Warm') one.server.reply(call); else one.server.fail(call, 'busy', busy); };
    await one.client.call('A', 'Warm', 0);
    expect(await failure(one.client.call('A', 'B', 1))).toMatchObject({ code: 'unavailable' });
    expect(one.server.received.filter(({ method }) => method === 'B')).toHaveLength(6);
  });
});
