import { describe, expect, it } from 'vitest';
import { contract, push, RpcError, unary, type ClientOptions, type ClientPlugin, type Connection, type Selector, type Server } from '../src/index.ts';
import { failure, pair, until } from './pair.ts';
import { log, recordingClient } from './recording-plugins.ts';

const events = contract('Events', { Said: push<string>() });
const notes = contract('Notes', { Note: unary<unknown, void>() });
const first: Selector = { name: 'first', build: (instances) => ({ pick: () => instances[0] && { instance: instances[0] } }) };
const once = { name: 'once', next: () => 'give-up' as const };

function serve(server: Server): void {
  let turns = 0;
  server.registerFunction('Echo', 'It', (input: unknown) => input);
  server.registerFunction('Notes', 'Note', () => {});
  server.registerFunction('Sometimes', 'It', () => {
    turns += 1;
    if (turns < 3) throw new RpcError('unavailable', `not the ${turns}. time`);
    return turns;
  });
  server.registerFunction('Say', 'It', (text: string, { peer }) => peer.push(events.methods.Said, text));
}

async function recorded(only?: (hook: string) => boolean, options: Partial<ClientOptions> = {}) {
  const seen = log();
  const both = await pair(serve, { client: { plugins: [recordingClient(seen, 'c', only)], ...options } });
  return { seen, both, client: both.client, [Symbol.asyncDispose]: () => both[Symbol.asyncDispose]() };
}
const calls = (hook: string): boolean => hook.startsWith('intercept') || hook.startsWith('frame');
const attempt = (service: string) => [`c attempt ${service}.It`, `c written ${service}.It`, `c read ${service}.It`];

describe('a client plugin, in the order of what happens to it', () => {
  it('starts with the first call, after the picker of a fixed list is made, chooses before it connects, sees the call inside of its attempts, and stops last', async () => {
    await using run = await recorded(undefined, { selector: first });
    expect(run.seen.take()).toEqual(['c call composed', 'c attempt composed']);
    await run.client.call('Echo', 'It', 1);
    expect(run.seen.take()).toEqual([
      'c wraps a picker of 1', 'c start', 'c call Echo.It', 'c attempt Echo.It', 'c picks', 'c opened', 'c written Echo.It', 'c read Echo.It', 'c outcome', 'c attempt done', 'c call done',
    ]);
    await run.client.call('Echo', 'It', 1);
    expect(run.seen.take()).toEqual(['c call Echo.It', 'c attempt Echo.It', 'c picks', 'c written Echo.It', 'c read Echo.It', 'c outcome', 'c attempt done', 'c call done']);
    await Promise.all([run.client.close(), run.client.close()]);
    expect(run.seen.take()).toEqual(['c closed with a reason', 'c stop']);
  });

  it('is not started by a client that calls nothing, and stopped all the same', async () => {
    await using run = await recorded((hook) => hook === 'start' || hook === 'stop');
    await run.client.close();
    expect(run.seen.take()).toEqual(['c stop']);
  });

  it('sees each attempt of a call that is tried again, and the call once', async () => {
    await using run = await recorded(calls, { failMode: { name: 'thrice', next: ({ attempt: count }) => (count < 3 ? { again: 'other', afterMs: 0 } : 'give-up') } });
    run.seen.take();
    expect(await run.client.service<{ It(input: object): number }>('Sometimes', { idempotent: ['It'] }).It({})).toBe(3);
    expect(run.seen.take()).toEqual(['c call Sometimes.It', ...attempt('Sometimes'), 'c attempt failed', ...attempt('Sometimes'), 'c attempt failed', ...attempt('Sometimes'), 'c attempt done', 'c call done']);
  });

  it('sees a failure inside and outside', async () => {
    await using run = await recorded(calls, { failMode: once });
    run.seen.take();
    expect(await failure(run.client.call('Nobody', 'It', 1))).toMatchObject({ reason: 'UNKNOWN_SERVICE' });
    expect(run.seen.take()).toEqual(['c call Nobody.It', ...attempt('Nobody'), 'c attempt failed', 'c call failed']);
  });

  it('sees a one-way call without a reply, a raw call as frames only, and a push as a frame that came', async () => {
    await using run = await recorded(calls);
    run.seen.take();
    await run.client.oneway(notes.methods.Note, 1);
    expect(run.seen.take()).toEqual(['c call Notes.Note', 'c attempt Notes.Note', 'c written Notes.Note', 'c attempt done', 'c call done']);
    await run.client.raw({ service: 'Echo', method: 'It', metadata: {}, payload: new TextEncoder().encode('1'), codecId: 1, compressorId: 0, oneway: false, error: false });
    expect(run.seen.take()).toEqual(['c written Echo.It', 'c read Echo.It']);
    await run.client.call('Say', 'It', 'hello');
    expect(run.seen.take()).toEqual(['c call Say.It', 'c attempt Say.It', 'c written Say.It', 'c read Events.Said', 'c read Say.It', 'c attempt done', 'c call done']);
  });

  it('is told of dials that fail and of connections that are lost, with the reason', async () => {
    const connections = (hook: string): boolean => hook.startsWith('connection');
    await using lost = await recorded(connections);
    await lost.client.call('Echo', 'It', 1);
    lost.both.network.links[0]?.cut();
    await until(() => lost.seen.lines.length > 1);
    expect(lost.seen.take()).toEqual(['c opened', 'c closed with a reason']);
    await using nobody = await recorded(connections, { servers: 'memory@nobody', failMode: once });
    expect(await failure(nobody.client.call('Echo', 'It', 1))).toMatchObject({ reason: 'CONNECT_FAILED' });
    expect(nobody.seen.take()).toEqual(['c dial failed']);
  });

  it('of several the first is the outermost, for calls, attempts and connections; the last wraps the picker last', async () => {
    const seen = log();
    await using both = await pair(serve, { client: { selector: first, plugins: [recordingClient(seen, 'a'), recordingClient(seen, 'b')] } });
    seen.take();
    await both.client.call('Echo', 'It', 1);
    expect(seen.take()).toEqual([
      'a wraps a picker of 1', 'b wraps a picker of 1', 'a start', 'b start', 'a call Echo.It', 'b call Echo.It', 'a attempt Echo.It', 'b attempt Echo.It', 'b picks', 'a picks', 'a opened', 'b opened',
      'a written Echo.It', 'b written Echo.It', 'a read Echo.It', 'b read Echo.It', 'b outcome', 'a outcome', 'b attempt done', 'a attempt done', 'b call done', 'a call done',
    ]);
  });
});

describe('a client plugin that misbehaves', () => {
  const silent = { debug() {}, info() {}, warn() {}, error() {}, child() { return this; } };
  const fault = (): never => { throw new Error('in the plugin'); };
  const echo = (plugin: Omit<ClientPlugin, 'name'>, more: Partial<ClientOptions> = {}) => pair(serve, { client: { logger: silent, failMode: once, plugins: [{ name: 'p', ...plugin }], ...more } });

  it('by throwing in an observer harms no call', async () => {
    await using both = await echo({ frameRead: fault, frameWritten: fault, connectionClosed: fault, connectionFailed: fault, stop: fault });
    expect(await both.client.call('Echo', 'It', 1)).toBe(1);
    await both.client.close();
  });

  it('by throwing when it wraps a picker leaves the picker as it was', async () => {
    await using both = await echo({ wrapPicker: fault }, { selector: first });
    expect(await both.client.call('Echo', 'It', 1)).toBe(1);
  });

  it('by throwing in connectionOpened, or returning what is no connection, fails the dial; by starting it, the call', async () => {
    for (const connectionOpened of [fault, () => Promise.reject(new Error('late')), () => undefined as never, () => 'yes' as never]) {
      await using both = await echo({ connectionOpened });
      expect(await failure(both.client.call('Echo', 'It', 1))).toMatchObject({ code: 'unavailable', reason: 'CONNECT_FAILED' });
      await until(() => both.network.links.length === 0);
    }
  });

  it('by never answering for a connection is given as long as a dial may take', async () => {
    await using both = await echo({ connectionOpened: () => new Promise<Connection>(() => {}) }, { pool: { connectTimeoutMs: 30 } });
    expect(await failure(both.client.call('Echo', 'It', 1))).toMatchObject({ code: 'unavailable', reason: 'CONNECT_FAILED' });
    await until(() => both.network.links.length === 0);
  });

  it('by throwing in an interceptor, of calls or attempts, fails that call', async () => {
    for (const plugin of [{ intercept: () => fault }, { interceptAttempt: () => fault }]) {
      await using both = await echo(plugin);
      expect((await failure(both.client.call('Echo', 'It', 1))).message).toContain('in the plugin');
    }
  });

  it('by never calling next, outside or within an attempt, leaves the call to its deadline', async () => {
    const never = () => () => new Promise<never>(() => {});
    for (const plugin of [{ intercept: never }, { interceptAttempt: never }]) {
      await using both = await echo(plugin);
      expect(await failure(both.client.call('Echo', 'It', 1, { timeoutMs: 30 }))).toMatchObject({ code: 'deadline_exceeded', sent: false });
    }
  });

  it('by never starting leaves each call to its deadline and its signal, and does not keep the client from closing', async () => {
    await using both = await echo({ start: () => new Promise<never>(() => {}) });
    expect(await failure(both.client.call('Echo', 'It', 1, { timeoutMs: 30 }))).toMatchObject({ code: 'deadline_exceeded', reason: 'TIMEOUT', sent: false });
    const controller = new AbortController();
    const call = failure(both.client.call('Echo', 'It', 1, { signal: controller.signal }));
    controller.abort(new Error('enough'));
    expect(await call).toMatchObject({ code: 'canceled', reason: 'ABORTED', sent: false });
    await both.client.close();
  });

  it('by never stopping does not keep the client from closing', async () => {
    let stopped = 0;
    await using both = await pair(serve, { client: { logger: silent, plugins: [{ name: 'p', stop: () => new Promise<never>(() => {}) }, { name: 'q', stop: () => void (stopped += 1) }] } });
    await both.client.close();
    expect(stopped).toBe(1);
  });

  it('by calling next twice makes two calls, or two attempts, and one answer', async () => {
    const twice: ClientPlugin['intercept'] = (next) => async (call) => {
      await next(call);
      return next(call);
    };
    for (const plugin of [{ intercept: twice }, { interceptAttempt: twice }]) {
      await using both = await echo(plugin);
      expect(await both.client.call('Echo', 'It', 1)).toBe(1);
      expect(both.server.stats().calls).toBe(2);
    }
  });

  it('by failing to start fails that call with its error, and is started again by the next', async () => {
    const starts: string[] = [];
    const plugins: ClientPlugin[] = [
      { name: 'first', start: () => void starts.push('first') },
      { name: 'second', start: () => { starts.push('second'); if (starts.length < 4) throw new Error('no licence'); } },
    ];
    await using both = await echo({}, { plugins });
    for (let count = 0; count < 2; count++) expect((await failure(both.client.call('Echo', 'It', 1))).message).toContain('no licence');
    expect(await both.client.call('Echo', 'It', 1)).toBe(1);
    expect(starts).toEqual(['first', 'second', 'second', 'second']);
  });

  it('by calling its own client while it starts waits for itself no longer than that call may take', async () => {
    let starts = 0;
    const plugin: Partial<ClientPlugin> = {
      async start() {
        starts += 1;
        if (starts === 1) await both.client.call('Echo', 'It', 0, { timeoutMs: 30 });
      },
    };
    await using both = await echo(plugin);
    const [one, other] = await Promise.all([failure(both.client.call('Echo', 'It', 1)), failure(both.client.call('Echo', 'It', 2))]);
    for (const error of [one, other]) expect(error).toMatchObject({ code: 'deadline_exceeded', message: "Echo.It was not sent: the client's plugins did not start within 30 ms" });
    expect(await both.client.call('Echo', 'It', 3)).toBe(3);
    expect(starts).toBe(2);
  });
});
