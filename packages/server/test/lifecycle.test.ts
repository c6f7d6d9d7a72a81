import { createServer as createNetServer, type AddressInfo, connect } from 'node:net';
import { contract, unary, type ServerCall } from '@rpcxjs/core';
import { createClient } from '@rpcxjs/client';
import { manualClock } from '@rpcxjs/testing';
import { memoryNetwork } from '@rpcxjs/transport-memory';
import { tcp } from '@rpcxjs/transport-tcp';
import { describe, expect, it } from 'vitest';
import { createServer, type ServerOptions } from '../src/index.ts';
import { frame } from './frame.ts';
import { gate, openServer, recordingLogger, until, type LogLine } from './open-server.ts';
import { RawPeer } from './raw-peer.ts';

const quiet: ServerOptions = { logger: recordingLogger([]) };

describe('listen', () => {
  it('takes several transports and addresses at once, and all serve the same', async () => {
    const network = memoryNetwork();
    const server = createServer({ ...quiet, transports: [tcp(), network] }).registerFunction('S', 'M', (input: unknown) => input);
    const bound = [...(await server.listen('tcp@127.0.0.1:0', 'memory@one')), ...(await server.listen('tcp@127.0.0.1:0'))];
    expect(bound[0]).toMatch(/^tcp@127\.0\.0\.1:[1-9]\d+$/);
    expect(new Set(bound).size).toBe(3);
    for (const servers of bound) {
      const client = createClient({ servers, transports: [tcp(), network] });
      expect(await client.call('S', 'M', servers)).toBe(servers);
      await client.close();
    }
    await server.close();
    const again = createServer({ ...quiet, transports: [tcp()] });
    expect(await again.listen(bound[0] ?? ''), 'the port is free').toEqual([bound[0]]);
    await again.close();
  });

  it('says which networks it knows, when it does not know one', async () => {
    const server = createServer({ ...quiet, transports: [tcp(), memoryNetwork()] });
    await expect(server.listen('quic@127.0.0.1:1')).rejects.toThrow(/"quic".*known: tcp.*memory/);
    await expect(createServer(quiet).listen('tcp@:1')).rejects.toThrow(/known: none/);
    await expect(server.listen('')).rejects.toThrow(TypeError);
    await server.close();
  });

  it.each([[['tcp@127.0.0.1:0'], 'an object of another kind'], [8972, '8972'], [{ port: 8972 }, 'an object of another kind'], [undefined, 'undefined']])('of %j says what it takes: as text it might look like an address', async (given, said) => {
    const server = createServer({ ...quiet, transports: [tcp()] });
    await expect(server.listen(given as unknown as string)).rejects.toThrow(`listen got ${said}: it takes addresses one after the other, listen('tcp@127.0.0.1:8972', `);
    await server.close();
  });

  it('that finds a port in use is a typed error, and leaves none of its other addresses open', async () => {
    const blocker = createNetServer();
    await new Promise<void>((resolve) => { blocker.listen(0, '127.0.0.1', resolve); });
    const { port } = blocker.address() as AddressInfo;
    const network = memoryNetwork();
    const server = createServer({ ...quiet, transports: [tcp(), network] });
    await expect(server.listen('memory@first', `tcp@127.0.0.1:${port}`)).rejects.toMatchObject({ reason: 'LISTEN_FAILED', message: expect.stringContaining(String(port)) as string });
    await expect(RawPeer.dial(network, 'memory@first')).rejects.toMatchObject({ reason: 'CONNECT_FAILED' });
    await new Promise((resolve) => { blocker.close(resolve); });
    expect(await server.listen('memory@first', `tcp@127.0.0.1:${port}`)).toHaveLength(2);
    await server.close();
  });

  it('is refused after close, also when the close came while it was opening', async () => {
    const network = memoryNetwork();
    const server = createServer({ ...quiet, transports: [network] });
    const listening = server.listen('memory@late');
    const closing = server.close();
    await expect(listening).rejects.toMatchObject({ reason: 'CLOSED' });
    await closing;
    await expect(RawPeer.dial(network, 'memory@late')).rejects.toMatchObject({ reason: 'CONNECT_FAILED' });
    await expect(server.listen('memory@again')).rejects.toMatchObject({ code: 'failed_precondition', reason: 'CLOSED' });
  });

  it('fails with the plugin that cannot start', async () => {
    const server = createServer({ ...quiet, transports: [memoryNetwork()], plugins: [{ name: 'sick', start: () => { throw new Error('no database'); } }] });
    await expect(server.listen('memory@x')).rejects.toMatchObject({ code: 'unavailable', reason: 'LISTEN_FAILED', message: 'the server does not listen: its plugin "sick" did not start: no database', cause: { message: 'no database' } });
    await server.close();
  });

  it('again starts the plugin that could not, and those behind it', async () => {
    const log: string[] = [];
    const plugin = (name: string, failures: number) => ({ name, start: () => { log.push(name); if (log.filter((one) => one === name).length <= failures) throw new Error(`${name} is not there`); } });
    await using server = createServer({ ...quiet, transports: [memoryNetwork()], plugins: [plugin('a', 0), plugin('b', 1), plugin('c', 0)] });
    await expect(server.listen('memory@x')).rejects.toThrow('b is not there');
    expect(await server.listen('memory@x')).toEqual(['memory@x']);
    await server.listen('memory@y');
    expect(log).toEqual(['a', 'b', 'b', 'c']);
  });

  it('waits 30 s for a plugin that has its own server listen while it starts', async () => {
    const clock = manualClock();
    let starts = 0;
    const server = createServer({ ...quiet, clock, transports: [memoryNetwork()], plugins: [{ name: 'impatient', async start() { starts += 1; await server.listen('memory@inner'); } }] });
    const listening = server.listen('memory@outer').catch((error: unknown) => error);
    await clock.advanceAsync(30_000);
    expect(await listening).toMatchObject({ reason: 'LISTEN_FAILED', message: expect.stringMatching(/"impatient" did not start within 30000 ms/) as string });
    expect(starts).toBe(1);
    await server.close({ graceMs: 0 });
  });

  it('waits 30 s for a plugin that does not start, and the next one tries it again unless it has started since', async () => {
    const clock = manualClock();
    const starts: (() => void)[] = [];
    const slow = { name: 'slow', start: () => new Promise<void>((resolve) => { starts.push(resolve); }) };
    const server = createServer({ ...quiet, clock, transports: [memoryNetwork()], plugins: [slow] });
    const ends: unknown[] = [];
    const listen = () => void server.listen('memory@x').then((bound) => ends.push(bound), (error: unknown) => ends.push(error));
    listen();
    await clock.advanceAsync(29_999);
    expect(ends).toEqual([]);
    await clock.advanceAsync(1);
    expect(ends).toMatchObject([{ code: 'unavailable', reason: 'LISTEN_FAILED', message: expect.stringMatching(/"slow" did not start within 30000 ms/) as string }]);
    listen();
    await clock.advanceAsync(30_000);
    expect([ends.length, starts.length]).toEqual([2, 2]);
    starts[0]?.();
    await clock.advanceAsync(0);
    listen();
    await clock.advanceAsync(0);
    expect([ends[2], starts.length]).toEqual([['memory@x'], 2]);
    server.abort();
  });

  it('ends with the server while a plugin does not start, and starts no other', async () => {
    const started: string[] = [];
    const server = createServer({ ...quiet, transports: [memoryNetwork()], plugins: [{ name: 'stuck', start: () => new Promise(() => {}) }, { name: 'next', start: () => void started.push('next') }] });
    const listening = server.listen('memory@x');
    await server.close();
    await expect(listening).rejects.toMatchObject({ code: 'failed_precondition', reason: 'CLOSED' });
    expect(started).toEqual([]);
  });
});

describe('close', () => {
  it('lets running calls finish, takes no new connections, and then ends the old ones', async () => {
    const hold = gate<string>();
    await using open = await openServer({}, (server) => server.registerFunction('S', 'Hold', () => hold.promise));
    const client = open.client();
    const call = client.call('S', 'Hold', 1);
    await until(() => open.server.stats().running === 1);
    let closed = false;
    const closing = open.server.close({ lameDuckMs: 0 }).then(() => (closed = true));
    await expect(open.peer()).rejects.toMatchObject({ reason: 'CONNECT_FAILED' });
    expect(closed).toBe(false);
    hold.open('finished');
    expect(await call).toBe('finished');
    await closing;
    expect(open.server.stats()).toMatchObject({ connections: 0, running: 0 });
  });

  it('refuses new calls of peers that understand it, and says that another server may run them', async () => {
    const hold = gate();
    let ran = 0;
    await using open = await openServer({}, (server) => server.registerFunction('S', 'Hold', () => hold.promise).registerFunction('S', 'M', () => (ran += 1)));
    const client = open.client({ failMode: { name: 'once', next: () => 'give-up' } });
    const call = client.call('S', 'Hold', 1);
    await until(() => open.server.stats().running === 1);
    const closing = open.server.close({ lameDuckMs: 0 });
    await expect(client.call('S', 'M', 1)).rejects.toMatchObject({ code: 'unavailable', reason: 'DRAINING', remote: true });
    expect(ran).toBe(0);
    hold.open();
    await call;
    await closing;
  });

  it('waits graceMs at most: then signals fire, what answers is sent, and the rest is cut', async () => {
    const reasons: unknown[] = [];
    await using open = await openServer({}, (server) =>
      server
        .registerFunction('S', 'Polite', (_: unknown, call: ServerCall) => new Promise((_resolve, reject) => {
          call.signal.addEventListener('abort', () => {
            reasons.push(call.signal.reason);
            reject(new Error('stopped half-way'));
          });
        }))
        .registerFunction('S', 'Deaf', () => new Promise(() => {})),
    );
    const client = open.client();
    const polite = client.call('S', 'Polite', 1).catch((error: unknown) => error);
    const deaf = client.call('S', 'Deaf', 1).catch((error: unknown) => error);
    await until(() => open.server.stats().running === 2);
    const at = performance.now();
    await open.server.close({ graceMs: 50 });
    expect(performance.now() - at).toBeLessThan(50 + 100 + 50);
    expect(reasons).toMatchObject([{ code: 'unavailable', reason: 'DRAINING' }]);
    expect(await polite).toMatchObject({ message: 'stopped half-way', remote: true });
    expect(await deaf).toMatchObject({ code: 'unavailable' });
  });

  it('does not wait for a peer that never ends, beyond graceMs', async () => {
    const transport = tcp();
    const server = createServer({ ...quiet, transports: [transport] }).registerFunction('S', 'M', (input: unknown) => input);
    const [address = ''] = await server.listen('tcp@127.0.0.1:0');
    const port = Number(address.split(':').at(-1));
    const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
    socket.on('error', () => {});
    await new Promise((resolve) => { socket.once('connect', resolve); });
    socket.write(frame({ service: 'S', method: 'M', sequence: 1n, payload: '1' }));
    await new Promise((resolve) => { socket.once('data', resolve); });
    const at = performance.now();
    await server.close({ graceMs: 100 });
    expect(performance.now() - at).toBeLessThan(300);
    expect(server.stats().connections).toBe(0);
    socket.destroy();
  });

  it('twice is one close, also with abort in between, and aborting ends a patient close at once', async () => {
    await using open = await openServer({}, (server) => server.registerFunction('S', 'Deaf', () => new Promise(() => {})));
    const peer = await open.peer();
    peer.send(frame({ service: 'S', method: 'Deaf', sequence: 1n, payload: '1' }));
    await until(() => open.server.stats().running === 1);
    const closing = open.server.close();
    expect(open.server.close({ graceMs: 0 })).toBe(closing);
    const at = performance.now();
    open.server.abort();
    open.server.abort();
    await closing;
    expect(performance.now() - at).toBeLessThan(200);
    await peer.ended();
  });

  it('before anything was opened is fine, and so is abort', async () => {
    const first = createServer(quiet);
    await first.close();
    await first.close();
    const second = createServer(quiet);
    second.abort();
    await second.close();
  });

  it('stops every plugin once, also behind one that cannot stop', async () => {
    const log: LogLine[] = [];
    const stopped: string[] = [];
    const server = createServer({
      logger: recordingLogger(log),
      transports: [memoryNetwork()],
      plugins: [{ name: 'sick', stop: () => { stopped.push('sick'); throw new Error('cannot'); } }, { name: 'well', stop: () => void stopped.push('well') }],
    });
    await server.listen('memory@x');
    server.abort();
    await server.close();
    expect(stopped).toEqual(['sick', 'well']);
    expect(log).toMatchObject([{ fields: { plugin: 'sick' } }]);
  });

  it('sends replies that were being compressed when the last handler had ended', async () => {
    const zip = gate<Uint8Array>();
    await using open = await openServer({ compressors: [{ id: 1, name: 'slow', compress: () => zip.promise, decompress: (bytes) => bytes }] }, (server) => server.registerFunction('S', 'M', () => 'x'.repeat(5000)));
    const peer = await open.peer();
    peer.send(frame({ service: 'S', method: 'M', sequence: 1n, flags: 0x04, payload: '1' }));
    await until(() => open.server.stats().calls === 1);
    const closing = open.server.close();
    await new Promise((resolve) => { setImmediate(resolve); });
    zip.open(Buffer.from('zipped'));
    expect((await peer.reply(1n)).payload.toString()).toBe('zipped');
    await closing;
  });
});

describe('abort', () => {
  it('ends every connection and every call now, and the port is free after close()', async () => {
    const signals: AbortSignal[] = [];
    const transport = tcp();
    const server = createServer({ ...quiet, transports: [transport] }).registerFunction('S', 'Deaf', (_: unknown, call: ServerCall) => (signals.push(call.signal), new Promise(() => {})));
    const [address = ''] = await server.listen('tcp@127.0.0.1:0');
    const client = createClient({ servers: address, transports: [transport] });
    const call = client.call('S', 'Deaf', 1).catch((error: unknown) => error);
    await until(() => signals.length === 1);
    server.abort(new Error('power cut'));
    expect(signals[0]?.aborted).toBe(true);
    expect(server.stats().connections).toBe(0);
    expect(await call).toMatchObject({ code: 'unavailable' });
    await server.close();
    const again = createServer({ ...quiet, transports: [transport] });
    await again.listen(address);
    await again.close();
    client.abort();
  });
});

describe('registration', () => {
  const arith = contract('Arith', { Add: unary<{ A: number; B: number }, number>(), Neg: unary<number, number>() });

  it('is found from the next call on, is replaced by the next of the same name, and ends with unregister', async () => {
    await using open = await openServer({}, () => {});
    const client = open.client();
    await expect(client.call('Arith', 'Add', { A: 1, B: 2 })).rejects.toMatchObject({ reason: 'UNKNOWN_SERVICE' });
    open.server.register(arith, { Add: ({ A, B }) => A + B, Neg: (n) => -n });
    expect(await client.service(arith).Add({ A: 1, B: 2 })).toBe(3);
    open.server.register(arith, { Add: ({ A, B }) => A * B, Neg: (n) => n });
    expect(await client.service(arith).Add({ A: 4, B: 2 })).toBe(8);
    open.server.registerFunction('Arith', 'Sub', () => 'added');
    expect(await client.call('Arith', 'Sub', 1)).toBe('added');
    open.server.register('Arith', { Only: () => 'one' }, { methods: ['Only'] });
    await expect(client.call('Arith', 'Add', 1)).rejects.toMatchObject({ reason: 'UNKNOWN_METHOD' });
    await expect(client.call('Arith', 'Sub', 1)).rejects.toMatchObject({ reason: 'UNKNOWN_METHOD' });
    expect(await client.call('Arith', 'Only', 1)).toBe('one');
    open.server.unregister('Arith');
    await expect(client.call('Arith', 'Only', 1)).rejects.toMatchObject({ reason: 'UNKNOWN_SERVICE' });
    open.server.unregister('Arith');
  });

  it('that ends while a call runs lets it finish', async () => {
    const hold = gate<string>();
    await using open = await openServer({}, (server) => server.registerFunction('S', 'Hold', () => hold.promise));
    const call = open.client().call('S', 'Hold', 1);
    await until(() => open.server.stats().running === 1);
    open.server.unregister('S');
    hold.open('in peace');
    expect(await call).toBe('in peace');
  });

  it('under another path, and of one contract under two', async () => {
    await using open = await openServer({}, (server) => server.register(arith, { Add: () => 1, Neg: () => 1 }, { path: 'v1' }).register(arith, { Add: () => 2, Neg: () => 2 }, { path: 'v2' }));
    const client = open.client();
    expect(await client.service(arith, { path: 'v1' }).Neg(0)).toBe(1);
    expect(await client.service(arith, { path: 'v2' }).Neg(0)).toBe(2);
    await expect(client.service(arith).Neg(0)).rejects.toMatchObject({ reason: 'UNKNOWN_SERVICE' });
  });

  it('takes an instance of a class for a contract, with its own this', async () => {
    class Base {
      factor = 3;
      Neg(n: number): number {
        return -n * this.factor;
      }
    }
    class Handlers extends Base {
      Add({ A, B }: { A: number; B: number }): number {
        return (A + B) * this.factor;
      }
    }
    await using open = await openServer({}, (server) => server.register(arith, new Handlers()).register('Plain', new Handlers(), { methods: ['Add', 'Neg'] }));
    const client = open.client();
    expect(await client.service(arith).Add({ A: 1, B: 2 })).toBe(9);
    expect(await client.service(arith).Neg(1)).toBe(-3);
    expect(await client.call('Plain', 'Neg', 1)).toBe(-3);
  });

  it('says at once what is missing, unknown, not callable or reserved', () => {
    const server = createServer(quiet);
    expect(() => server.register(arith, { Add: () => 1 } as never)).toThrow(/"Neg".*no handler/);
    expect(() => server.register(arith, { Add: () => 1, Neg: 5 } as never)).toThrow(/"Neg".*no handler/);
    expect(() => server.register(arith, { Add: () => 1, Neg: () => 1, Extra: () => 1 } as never)).toThrow(/no method "Extra"/);
    expect(() => server.register(contract('C', { toString: unary<number, string>() }), {} as never)).toThrow(/"toString".*no handler/);
    expect(() => server.register(contract('C', { constructor: unary<number, string>() } as never), new (class {})() as never)).toThrow(/"constructor".*no handler/);
    expect(() => server.register(contract('C', { constructor: unary<number, string>() } as never), {} as never)).toThrow(/"constructor".*no handler/);
    expect(() => server.register('S', { M: () => 1 }, { methods: [] })).toThrow(/lists no methods/);
    for (const method of ['Missing', 'constructor', 'toString', '__proto__', '']) expect(() => server.register('S', { M: () => 1 }, { methods: [method as 'M'] }), method).toThrow(TypeError);
    expect(() => server.register('S', { M: 5 }, { methods: ['M'] })).toThrow(TypeError);
    for (const name of ['_rpcxjs', '_rpcxjs.x', '', 'x'.repeat(256), '服'.repeat(86)]) {
      expect(() => server.registerFunction(name, 'M', () => 1), name).toThrow(TypeError);
      expect(() => server.handle(name, undefined, (message) => message), name).toThrow(TypeError);
      expect(() => server.register(name, { M: () => 1 }, { methods: ['M'] }), name).toThrow(TypeError);
      expect(() => server.registerFunction('S', name, () => 1), name).toThrow(TypeError);
    }
    expect(() => server.registerFunction('服'.repeat(85), 'x'.repeat(255), () => 1)).not.toThrow();
  });

  it('is announced to plugins, and one that throws is logged and forgotten', async () => {
    const heard: unknown[] = [];
    await using open = await openServer(
      {
        plugins: [
          { name: 'sick', serviceRegistered: () => { throw new Error('x'); }, serviceUnregistered: () => Promise.reject(new Error('y')), heartbeat: () => { throw new Error('z'); }, connectionClosed: () => { throw new Error('w'); } },
          { name: 'well', serviceRegistered: (service) => void heard.push(['+', service]), serviceUnregistered: (service) => void heard.push(['-', service]), heartbeat: () => void heard.push('beat'), connectionClosed: () => void heard.push('closed') },
        ],
      },
      (server) => server.register(arith, { Add: () => 1, Neg: () => 1 }),
    );
    open.server.unregister('Arith');
    expect(heard).toEqual([['+', { name: 'Arith', methods: ['Add', 'Neg'] }], ['-', { name: 'Arith', methods: ['Add', 'Neg'] }]]);
    const peer = await open.peer();
    peer.send(frame({ flags: 0x40, sequence: 1n }));
    await peer.reply(1n);
    peer.connection.abort();
    await until(() => heard.includes('closed'));
    expect(heard).toContain('beat');
    expect(open.log.length).toBeGreaterThanOrEqual(4);
    expect(open.log.every(({ fields }) => (fields as { plugin?: string }).plugin === 'sick')).toBe(true);
  });
});

describe('options', () => {
  it('that cannot work are refused at once', () => {
    const codec = (id: number) => ({ id, name: `c${id}`, encode() {}, decode: () => 1 });
    const compressor = (id: number) => ({ id, name: `z${id}`, compress: (bytes: Uint8Array) => bytes, decompress: (bytes: Uint8Array) => bytes });
    for (const limits of [{ maxCalls: -1 }, { maxFrameBytes: Number.NaN }, { stallMs: '5' as never }]) expect(() => createServer({ limits })).toThrow(/limits\./);
    for (const id of [-1, 16, 1.5, Number.NaN]) expect(() => createServer({ codecs: [codec(id)] })).toThrow(/0 to 15/);
    for (const id of [-1, 8]) expect(() => createServer({ compressors: [compressor(id)] })).toThrow(/0 to 7/);
    expect(() => createServer({ codecs: [codec(5), codec(5)] })).toThrow(/two codecs/);
    expect(() => createServer({ compressors: [compressor(1), compressor(1)] })).toThrow(/two compressors/);
  });
});
