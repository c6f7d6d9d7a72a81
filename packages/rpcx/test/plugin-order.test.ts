import { describe, expect, it } from 'vitest';
import { systemClock } from '@rpcxjs/core';
import { contract, push, RpcError, unary, type Connection, type Logger, type RawMessage, type Server, type ServerPlugin } from '../src/index.ts';
import { deferred, failure, pair, until } from './pair.ts';
import { log, recordingServer } from './recording-plugins.ts';

const events = contract('Events', { Said: push<string>() });
const notes = contract('Notes', { Note: unary<unknown, void>() });
const message: RawMessage = { service: 'Raw', method: 'It', metadata: {}, payload: new Uint8Array([1]), codecId: 0, compressorId: 0, oneway: false, error: false };

function serve(lines: string[]) {
  return (server: Server): void => {
    server.registerFunction('Echo', 'It', (input: unknown) => (lines.push('handler'), input));
    server.registerFunction('Notes', 'Note', () => void lines.push('handler'));
    server.registerFunction('Say', 'It', async (text: string, { peer }) => {
      await peer.push(events.methods.Said, text);
    });
    server.handle('Raw', undefined, (request) => (lines.push('handler'), request));
  };
}

/** A server whose only plugin writes down what it sees; it has a connection already. */
async function recorded(only?: (hook: string) => boolean, server: object = {}) {
  const seen = log();
  const both = await pair(serve(seen.lines), { server: { plugins: [recordingServer(seen, 's', only)], ...server } });
  const before = seen.take();
  return { seen, both, before, [Symbol.asyncDispose]: () => both[Symbol.asyncDispose]() };
}
const calls = (hook: string): boolean => hook.startsWith('intercept') || hook.startsWith('frame') || hook === 'connectionClosed';
const path = (service: string) => [`s read ${service}.It`, `s call ${service}.It`];

describe('a server plugin, in the order of what happens to it', () => {
  it('is told of services as they come and go, starts once with the first address, sees a connection come and go, and stops last', async () => {
    await using run = await recorded((hook) => !hook.startsWith('intercept') && !hook.startsWith('frame'));
    const { seen, both } = run;
    expect(run.before).toEqual(['s registered Echo(It)', 's registered Notes(Note)', 's registered Say(It)', 's registered Raw()', 's start']);
    await both.server.listen('memory@second:0');
    expect(seen.take()).toEqual([]);
    await both.client.call('Echo', 'It', 1);
    expect(seen.take()).toEqual(['s accept', 's heartbeat', 'handler']);
    both.server.registerFunction('Late', 'A', () => 1);
    both.server.registerFunction('Late', 'B', () => 1);
    both.server.unregister('Late');
    both.server.unregister('Late');
    expect(seen.take()).toEqual(['s registered Late(A)', 's registered Late(A,B)', 's unregistered Late(A,B)']);
    await both.client.close();
    await until(() => seen.lines.length > 0);
    expect(seen.take()).toEqual(['s closed']);
    await Promise.all([both.server.close(), both.server.close()]);
    expect(seen.take()).toEqual(['s stop']);
  });

  it('is composed once, however many methods and calls there are, known or not', async () => {
    await using run = await recorded((hook) => hook === 'intercept');
    expect(run.before).toEqual(['s call composed']);
    for (let count = 0; count < 3; count++) {
      await run.both.client.call('Echo', 'It', 1);
      await failure(run.both.client.call('Nobody', `It${count}`, 1));
    }
    expect(run.seen.take().filter((line) => line.endsWith('composed'))).toEqual([]);
  });

  it.each<[string, (both: Awaited<ReturnType<typeof pair>>) => Promise<unknown>, readonly string[]]>([
    ['a method', ({ client }) => client.call('Echo', 'It', 1), [...path('Echo'), 'handler', 's call done', 's written Echo.It']],
    ['an unknown service', ({ client }) => failure(client.call('Nobody', 'It', 1)), [...path('Nobody'), 's call failed', 's written Nobody.It']],
    ['an unknown method', ({ client }) => failure(client.call('Say', 'Nothing', 1)), ['s read Say.Nothing', 's call Say.Nothing', 's call failed', 's written Say.Nothing']],
    ['a payload handler', ({ client }) => client.raw(message), [...path('Raw'), 'handler', 's call done', 's written Raw.It']],
    ['an unknown codec', ({ client }) => failure(client.raw({ ...message, service: 'Echo', codecId: 9 }).then(({ error, metadata }) => { if (error) throw new Error(metadata['__rpcx_error__']); })), [...path('Echo'), 's call failed', 's written Echo.It']],
    ['a payload that does not decode', ({ client }) => failure(client.raw({ ...message, service: 'Echo', codecId: 1 }).then(({ error }) => { if (error) throw new Error('refused'); })), [...path('Echo'), 's call failed', 's written Echo.It']],
    ['a push within a call', ({ client }) => client.call('Say', 'It', 'hello'), [...path('Say'), 's push composed', 's push Events.Said', 's written Events.Said', 's push done', 's call done', 's written Say.It']],
  ])('%s', async (_, call, expected) => {
    await using run = await recorded(calls);
    await call(run.both);
    expect(run.seen.take()).toEqual(expected);
  });

  it('pushes are composed once for a connection', async () => {
    await using run = await recorded((hook) => hook === 'interceptPush');
    for (let count = 0; count < 3; count++) await run.both.client.call('Say', 'It', 'hello');
    expect(run.seen.take()).toEqual(['s push composed', ...Array.from({ length: 3 }, () => ['s push Events.Said', 's push done']).flat()]);
  });

  it('a one-way call: nothing is written for it', async () => {
    await using run = await recorded(calls);
    await run.both.client.oneway(notes.methods.Note, 1);
    await run.both.client.call('Echo', 'It', 1);
    expect(run.seen.take().slice(0, 4)).toEqual(['s read Notes.Note', 's call Notes.Note', 'handler', 's call done']);
  });

  it('a call whose token is refused: the frame is seen and answered, no interceptor runs, the connection ends', async () => {
    await using run = await recorded(calls, { auth: () => false });
    expect(await failure(run.both.client.call('Echo', 'It', 1))).toMatchObject({ reason: 'UNAUTHENTICATED' });
    await until(() => run.seen.lines.length > 2);
    expect(run.seen.take()).toEqual(['s read Echo.It', 's written Echo.It', 's closed']);
  });

  it('a heartbeat is no frame of a call: no interceptor and no frame observer sees it', async () => {
    await using run = await recorded((hook) => calls(hook) || hook === 'heartbeat');
    await run.both.client.call('Echo', 'It', 1);
    expect(run.seen.take()).toEqual(['s heartbeat', ...path('Echo'), 'handler', 's call done', 's written Echo.It']);
  });
});

const silent: Logger = { debug() {}, info() {}, warn() {}, error() {}, child: () => silent };

describe('several server plugins', () => {
  it('are asked in their order: the first one is the outermost, then the interceptors of the server, then those of the service', async () => {
    const seen = log();
    const { intercept: own = () => () => { throw new Error('it is there'); } } = recordingServer(seen, 'server');
    const { intercept: guard = own } = recordingServer(seen, 'service');
    const plugins = [recordingServer(seen, 'a'), recordingServer(seen, 'b')];
    await using both = await pair((server) => server.register('Echo', { It: (input: unknown) => input }, { methods: ['It'], intercept: [guard] }), { server: { plugins, intercept: [own] } });
    await both.client.call('Echo', 'It', 1);
    expect(seen.take()).toEqual([
      'server call composed', 'b call composed', 'a call composed', 'service call composed', 'a registered Echo(It)', 'b registered Echo(It)', 'a start', 'b start', 'a accept', 'b accept', 'a heartbeat', 'b heartbeat',
      'a read Echo.It', 'b read Echo.It', 'a call Echo.It', 'b call Echo.It', 'server call Echo.It', 'service call Echo.It',
      'service call done', 'server call done', 'b call done', 'a call done', 'a written Echo.It', 'b written Echo.It',
    ]);
    await both.client.close();
    await both.server.close();
    expect(seen.take()).toEqual(['a closed', 'b closed', 'a stop', 'b stop']);
  });

  it('wrap connections one around the other, and what is refused goes no further', async () => {
    const order: string[] = [];
    const wrapping = (name: string): ServerPlugin => ({ name, acceptConnection: (connection: Connection) => { order.push(name); return connection; } });
    let open = true;
    const door: ServerPlugin = { name: 'door', acceptConnection: async (connection: Connection) => { await Promise.resolve(); return open ? connection : undefined; } };
    await using both = await pair((server) => server.registerFunction('Echo', 'It', (input: unknown) => input), { server: { plugins: [wrapping('outer'), door, wrapping('inner')] } });
    await both.client.call('Echo', 'It', 1);
    expect(order).toEqual(['outer', 'inner']);
    open = false;
    await both.network.dial({ network: 'memory', host: both.address.slice(7) }, { runtime: { clock: systemClock, logger: silent } });
    await until(() => both.server.stats().connectionsRefused === 1);
    expect(order).toEqual(['outer', 'inner', 'outer']);
  });
});

describe('a server plugin that misbehaves', () => {
  const fault = (): never => { throw new Error('in the plugin'); };
  const echo = (plugin: Omit<ServerPlugin, 'name'>, more: object = {}) => pair((server) => server.registerFunction('Echo', 'It', (input: unknown) => input), { server: { logger: silent, plugins: [{ name: 'p', ...plugin }], ...more }, client: { logger: silent, failMode: { name: 'once', next: () => 'give-up' } } });

  it('by throwing in an observer harms no call', async () => {
    await using both = await echo({ frameRead: fault, frameWritten: fault, heartbeat: fault, serviceRegistered: fault, serviceUnregistered: fault, connectionClosed: fault, stop: fault });
    expect(await both.client.call('Echo', 'It', 1)).toBe(1);
    both.server.unregister('Echo');
    await both.client.close();
    await both.server.close();
  });

  it('by throwing in acceptConnection, or returning what is no connection, or starting it, refuses that connection', async () => {
    const started = (connection: Connection): Connection => { connection.start({ data() {}, drain() {}, closed() {} }); return connection; };
    for (const acceptConnection of [fault, () => Promise.reject(new Error('late')), () => ({}) as never, () => 'yes' as never, started]) {
      await using both = await echo({ acceptConnection });
      expect(await failure(both.client.call('Echo', 'It', 1))).toMatchObject({ code: 'unavailable' });
    }
  });

  it('by never answering for a connection is given as long as a first byte may take, and holds up neither others nor the end', async () => {
    let asked = 0;
    await using both = await echo({ acceptConnection: (connection: Connection) => (asked++ === 0 ? new Promise<never>(() => {}) : connection) }, { limits: { firstByteMs: 30 } });
    expect(await failure(both.client.call('Echo', 'It', 1))).toMatchObject({ code: 'unavailable' });
    expect(both.server.stats().connectionsRefused).toBe(1);
    expect(await both.client.call('Echo', 'It', 1, { waitForReady: true })).toBe(1);
  });

  it('by never answering does not keep the server from closing', async () => {
    const asked = deferred();
    await using both = await echo({ acceptConnection: () => { asked.resolve(); return new Promise<never>(() => {}); } });
    const call = failure(both.client.call('Echo', 'It', 1));
    await asked.promise;
    await both.server.close();
    expect(await call).toMatchObject({ code: 'unavailable' });
  });

  it('by throwing in an interceptor fails that call, with the error that it threw', async () => {
    await using both = await echo({ intercept: (next) => (call) => { if (call.method === 'It') throw new RpcError('permission_denied', 'not you'); return next(call); } });
    expect(await failure(both.client.call('Echo', 'It', 1))).toMatchObject({ code: 'permission_denied', message: 'not you' });
  });

  it('by never calling next leaves its caller to its deadline', async () => {
    await using both = await echo({ intercept: () => () => new Promise<never>(() => {}) });
    expect(await failure(both.client.call('Echo', 'It', 1, { timeoutMs: 30 }))).toMatchObject({ code: 'deadline_exceeded' });
  });

  it('by calling next twice runs the handler twice and answers once', async () => {
    let runs = 0;
    await using both = await pair((server) => server.registerFunction('Count', 'Up', () => ++runs), { server: { plugins: [{ name: 'p', intercept: (next) => async (call) => { await next(call); return next(call); } }] } });
    expect(await both.client.call('Count', 'Up', {})).toBe(2);
    expect(runs).toBe(2);
  });

  it('by failing to start fails listen with its error', async () => {
    await expect(echo({ start: () => Promise.reject(new Error('no licence')) })).rejects.toThrow('no licence');
  });

  it('by failing to push fails that push, and the handler hears of it', async () => {
    await using both = await pair((server) => server.registerFunction('Say', 'It', async (text: string, { peer }) => peer.push(events.methods.Said, text)), { server: { logger: silent, plugins: [{ name: 'p', interceptPush: fault }] } });
    expect((await failure(both.client.call('Say', 'It', 'x'))).message).toBe('in the plugin');
  });
});
