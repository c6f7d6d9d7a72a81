import { createClient } from '@rpcxjs/client';
import { contract, RpcError, unary, type Registry } from '@rpcxjs/core';
import { manualClock } from '@rpcxjs/testing';
import { memoryNetwork } from '@rpcxjs/transport-memory';
import { tcp } from '@rpcxjs/transport-tcp';
import { describe, expect, it } from 'vitest';
import { createServer, type Server, type ServerOptions } from '../src/index.ts';
import { fakeRegistry } from './fake-registry.ts';
import { frame } from './frame.ts';
import { recordingLogger, until, type LogLine } from './open-server.ts';
import { RawPeer } from './raw-peer.ts';

const greeter = contract('Greeter', { Hello: unary<string, string>() });
const waitMs = (ms: number) => new Promise((resolve) => { setTimeout(resolve, ms); });
const echo = (input: unknown) => input;

function serve(options: ServerOptions, log: LogLine[] = []): Server {
  return createServer({ transports: [memoryNetwork(), tcp()], logger: recordingLogger(log), ...options });
}

describe('a server with registries', () => {
  it('registers each service at each address in each of them when it listens, and later ones when they come', async () => {
    const [one, two] = [fakeRegistry(), fakeRegistry()];
    await using server = serve({ registries: [one, two], advertise: { metadata: { group: ['a', 'b'], weight: '1' } } });
    server.register(greeter, { Hello: (name) => name }, { metadata: { weight: '7', zone: 'x' } }).registerFunction('S', 'M', echo);
    expect(one.asked).toEqual([]);
    await server.listen('memory@one', 'memory@two');
    expect(Object.fromEntries(one.held)).toEqual({
      'Greeter memory@one': { group: ['a', 'b'], weight: '7', zone: 'x' },
      'Greeter memory@two': { group: ['a', 'b'], weight: '7', zone: 'x' },
      'S memory@one': { group: ['a', 'b'], weight: '1' },
      'S memory@two': { group: ['a', 'b'], weight: '1' },
    });
    expect([...two.held]).toEqual([...one.held]);
    expect(server.stats().advertised).toBe(8);
    server.handle('Late', undefined, (message) => message).registerFunction('S', 'Other', echo);
    await server.listen('memory@three');
    expect([...one.held.keys()].toSorted()).toEqual(['Greeter', 'Late', 'S'].flatMap((service) => ['one', 'three', 'two'].map((at) => `${service} memory@${at}`)));
    server.unregister('Late');
    await until(() => one.held.size === 6 && two.held.size === 6);
    expect(one.asked.filter((what) => what.startsWith('register')), 'each of them once').toHaveLength(9);
  });

  it('changes weight, group, state and whatever else while it runs, for all services or one', async () => {
    const registry = fakeRegistry();
    await using server = serve({ registries: [registry], advertise: { metadata: { weight: '1' } } });
    server.registerFunction('A', 'M', echo).registerFunction('B', 'M', echo);
    await server.listen('memory@one');
    await server.advertise({ state: 'inactive', group: ['g', 'h'] });
    await server.advertise({ weight: '9' }, 'B');
    expect(Object.fromEntries(registry.held)).toEqual({
      'A memory@one': { weight: '1', state: 'inactive', group: ['g', 'h'] },
      'B memory@one': { weight: '9', state: 'inactive', group: ['g', 'h'] },
    });
    await server.advertise({ state: undefined, group: undefined });
    server.register(contract('B', { M: unary<string, string>() }), { M: (text) => text }, { metadata: { zone: 'y' } });
    await until(() => registry.held.get('B memory@one')?.['zone'] === 'y');
    expect(Object.fromEntries(registry.held)).toEqual({ 'A memory@one': { weight: '1' }, 'B memory@one': { weight: '9', zone: 'y' } });
    for (const [changes, service] of [[{ weight: 3 as never }], [{ group: ['a', 1 as never] }], [null as never], [{}, 'Nobody']] as const) expect(() => server.advertise(changes, service)).toThrow(TypeError);
    expect(() => server.register(greeter, { Hello: (name) => name }, { metadata: { weight: 3 as never } })).toThrow(/"weight" is no text/);
  });

  it('is listed with calls and connections a second', async () => {
    const clock = manualClock();
    const registry = fakeRegistry();
    const network = memoryNetwork();
    const server = createServer({ transports: [network], registries: [registry], clock, logger: recordingLogger([]) }).registerFunction('S', 'M', echo);
    await server.listen('memory@one');
    const { rates } = registry.registrations[0] ?? {};
    expect(rates?.()).toEqual({ calls: 0, connections: 0 });
    const client = createClient({ servers: 'memory@one', transports: [network] });
    for (let index = 0; index < 30; index++) await client.call('S', 'M', index);
    clock.advance(500);
    expect(rates?.(), 'no sooner than a second after the last').toEqual({ calls: 0, connections: 0 });
    clock.advance(1500);
    expect(rates?.()).toEqual({ calls: 15, connections: 0.5 });
    client.abort();
    server.abort();
  });

  it('that are down serves all the same, says so once, and is listed when they are back, after waits that grow', async () => {
    const clock = manualClock();
    const log: LogLine[] = [];
    const registry = fakeRegistry();
    registry.down = true;
    const server = serve({ registries: [registry], clock }, log).registerFunction('A', 'M', echo).registerFunction('B', 'M', echo);
    expect(await server.listen('memory@one')).toEqual(['memory@one']);
    await clock.advanceAsync(60_000);
    const attempts = registry.asked.length;
    expect(attempts).toBeGreaterThan(20);
    expect(attempts, 'at most one each 2.5 s and service in the long run').toBeLessThan(100);
    expect(log).toMatchObject([{ level: 'warn', fields: { err: { message: 'the registry is down' } } }]);
    expect(server.stats().advertised).toBe(0);
    registry.down = false;
    void server.advertise({ weight: '2' });
    await clock.advanceAsync(5000);
    expect(Object.fromEntries(registry.held)).toEqual({ 'A memory@one': { weight: '2' }, 'B memory@one': { weight: '2' } });
    registry.down = true;
    void server.advertise({ weight: '3' });
    await clock.advanceAsync(1000);
    expect(log, 'it was back in between').toHaveLength(2);
    registry.down = false;
    await clock.advanceAsync(5000);
    expect(registry.held.get('A memory@one')).toEqual({ weight: '3' });
    server.abort();
    await clock.advanceAsync(10);
    expect(registry.held.size).toBe(0);
  });

  it.each([
    ['is down', new Error('the registry is down'), ['a registry was not told that services of this server have ended; what stands there goes when its time is over']],
    ['was closed first', new RpcError('failed_precondition', 'it was closed', { reason: 'CLOSED' }), []],
  ])('says once that it could not take leave of one that %s', async (_, error, said) => {
    const log: LogLine[] = [];
    const registry: Registry = { register: async () => ({ update: async () => {}, release: () => Promise.reject(error), [Symbol.asyncDispose]: async () => {} }), close: async () => {}, [Symbol.asyncDispose]: async () => {} };
    const server = serve({ registries: [registry] }, log).registerFunction('A', 'M', echo).registerFunction('B', 'M', echo);
    await server.listen('memory@one');
    await server.close({ graceMs: 1000, lameDuckMs: 0 });
    expect(log.filter(({ level }) => level === 'warn').map(({ message }) => message)).toEqual(said);
  });

  it('that answer nothing holds up `listen` for a second', async () => {
    const clock = manualClock();
    const registry = fakeRegistry();
    registry.silent = true;
    const server = serve({ registries: [registry], clock }).registerFunction('A', 'M', echo);
    let bound: readonly string[] | undefined;
    void server.listen('memory@one').then((addresses) => (bound = addresses));
    await clock.advanceAsync(999);
    expect(bound).toBeUndefined();
    await clock.advanceAsync(1);
    expect(bound).toEqual(['memory@one']);
    server.abort();
  });

  it('that answer nothing hold up `advertise` for a second, and get the change when they answer', async () => {
    const clock = manualClock();
    let answer: (() => void) | undefined;
    const updated: unknown[] = [];
    const update = async (metadata: unknown): Promise<void> => {
      await new Promise<void>((resolve) => (answer = resolve));
      updated.push(metadata);
    };
    const silent = { register: async () => ({ update, release: async () => {}, [Symbol.asyncDispose]: async () => {} }), close: async () => {}, [Symbol.asyncDispose]: async () => {} };
    const server = serve({ registries: [silent], clock }).registerFunction('A', 'M', echo);
    await server.listen('memory@one');
    let over = false;
    void server.advertise({ weight: '2' }).then(() => (over = true));
    await clock.advanceAsync(999);
    expect(over).toBe(false);
    await clock.advanceAsync(1);
    expect([over, updated]).toEqual([true, []]);
    answer?.();
    await clock.advanceAsync(1);
    expect(updated).toEqual([{ weight: '2' }]);
    server.abort();
  });

  it('never advertises every interface: it needs a host, and says so before anything is opened', async () => {
    for (const address of ['tcp@0.0.0.0:0', 'tcp@:0', 'tcp@[::]:0', 'tcp@[0:0:0:0:0:0:0:0]:0', 'tcp@0:0']) {
      const registry = fakeRegistry();
      await using server = serve({ registries: [registry] }).registerFunction('A', 'M', echo);
      await expect(server.listen('memory@first', address), address).rejects.toMatchObject({ code: 'failed_precondition', reason: 'NOT_ADVERTISABLE', message: expect.stringMatching(/advertise: \{ host \}/) as string });
      expect(registry.asked).toEqual([]);
      expect(await server.listen('memory@first')).toEqual(['memory@first']);
    }
    const registry = fakeRegistry();
    await using server = serve({ registries: [registry], advertise: { host: 'orders.internal' } }).registerFunction('A', 'M', echo);
    const [bound = ''] = await server.listen('tcp@0.0.0.0:0');
    expect([...registry.held.keys()]).toEqual([`A tcp@orders.internal:${bound.split(':').at(-1) ?? ''}`]);
    const other = fakeRegistry();
    await using behind = serve({ registries: [other], advertise: { addresses: ['tcp@10.0.0.5:80', '[fd00::5]:80'] } }).registerFunction('A', 'M', echo);
    await behind.listen('tcp@0.0.0.0:0');
    expect([...other.held.keys()]).toEqual(['A tcp@10.0.0.5:80', 'A tcp@[fd00::5]:80']);
    await using alone = serve({}).registerFunction('A', 'M', echo);
    expect(await alone.listen('tcp@0.0.0.0:0'), 'without registries nobody asks').toHaveLength(1);
  });

  it('refuses options that cannot work at once', () => {
    expect(() => serve({ advertise: { host: '0.0.0.0' } })).toThrow(/advertise.host/);
    for (const host of ['fd00::5', '[fd00::5]', 'fe80::1%eth0', '10.0.0.5', 'orders', 'bücher.example', '::ffff:10.0.0.5']) expect(() => serve({ advertise: { host } }), host).not.toThrow();
    expect(() => serve({ advertise: { addresses: ['tcp@0.0.0.0:1'] } })).toThrow(/advertise: \{ host \}/);
    expect(() => serve({ advertise: { metadata: { weight: 1 as never } } })).toThrow(/weight/);
    for (const advertise of [null, [], 'orders.internal', true]) expect(() => serve({ advertise: advertise as never }), String(advertise)).toThrow(/^advertise/);
    expect(() => serve({ advertise: { adresses: ['tcp@10.0.0.5:8972'] } as never })).toThrow(new TypeError('advertise has no option "adresses": it takes host, addresses, metadata'));
    expect(() => serve({ advertise: undefined })).not.toThrow();
    expect(() => serve({ registries: [{} as never] })).toThrow(/^registries\[0\] is .*the function register/);
    expect(() => serve({ whenFull: 'sleep' as never })).toThrow(/'refuse' or 'pause'/);
  });

  it('says that it is inactive before it refuses anything, and is gone from them when it has closed', async () => {
    const seen: string[] = [];
    const registry = fakeRegistry((what) => seen.push(`${what} while ${server.stats().state}`));
    const server: Server = serve({ registries: [registry] }).registerFunction('A', 'M', echo);
    await server.listen('memory@one');
    let state: unknown;
    const closing = server.close();
    while (registry.held.has('A memory@one')) {
      state = registry.held.get('A memory@one')?.['state'];
      await Promise.resolve();
    }
    await closing;
    expect(state).toBe('inactive');
    expect(seen).toEqual(['register A memory@one while open', 'update A memory@one while leaving', 'release A memory@one while draining']);
  });

  it('gives peers that cannot be told the whole lame duck, because they learn it from the registry, and others no longer than they need', async () => {
    const network = memoryNetwork();
    const server = serve({ transports: [network], registries: [fakeRegistry()] }).registerFunction('A', 'M', echo);
    await server.listen('memory@one');
    const go = await RawPeer.dial(network, 'memory@one');
    go.send(frame({ service: 'A', method: 'M', sequence: 1n, payload: '1' }));
    await go.reply(1n);
    const at = performance.now();
    const closing = server.close({ lameDuckMs: 150 });
    await waitMs(100);
    go.send(frame({ service: 'A', method: 'M', sequence: 2n, payload: '2' }));
    expect((await go.reply(2n)).payload.toString()).toBe('2');
    await closing;
    expect(performance.now() - at).toBeGreaterThanOrEqual(145);
    await go.ended();
    const alone = serve({ registries: [fakeRegistry()] }).registerFunction('A', 'M', echo);
    await alone.listen('memory@one');
    const from = performance.now();
    await alone.close();
    expect(performance.now() - from, 'nobody is connected').toBeLessThan(1000);
    expect(JSON.parse(JSON.stringify(alone.stats()))).toEqual(alone.stats());
  });

  it('does not wait for a release that is late, and takes back what it was given after it was closed', async () => {
    const registry = fakeRegistry();
    registry.silent = true;
    const server = serve({ registries: [registry] }).registerFunction('A', 'M', echo);
    void server.listen('memory@one').catch(() => {});
    await until(() => registry.asked.length === 1);
    const at = performance.now();
    await server.close({ graceMs: 50 });
    expect(performance.now() - at).toBeLessThan(200);
  });
});
