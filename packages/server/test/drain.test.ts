import { spawn } from 'node:child_process';
import { connect } from 'node:net';
import { createClient } from '@rpcxjs/client';
import type { Client } from '@rpcxjs/client';
import { RpcError, type ServerCall } from '@rpcxjs/core';
import { memoryNetwork } from '@rpcxjs/transport-memory';
import { tcp } from '@rpcxjs/transport-tcp';
import { describe, expect, it } from 'vitest';
import { closeOnSignals, createServer, type Server } from '../src/index.ts';
import { fakeRegistry } from './fake-registry.ts';
import { frame, heartbeatFlag, onewayFlag, type ReadFrame } from './frame.ts';
import { gate, openServer, recordingLogger, until } from './open-server.ts';
import type { RawPeer } from './raw-peer.ts';

const offer = (words: string) => frame({ flags: heartbeatFlag, sequence: 1n << 40n, metadata: { _rpcxjs: `1;n=0123456789abcdef;${words}` } });
const answer = frame({ flags: onewayFlag, service: '_rpcxjs', method: 'drain.1', sequence: 1n, codecId: 0 });
const goodbyes = (peer: RawPeer): bigint[] => peer.frames.filter(({ service, method }) => service === '_rpcxjs' && method === 'drain.1').map(({ sequence }) => sequence);
const call = (sequence: bigint, method = 'Echo') => frame({ service: 'S', method, sequence, payload: '1' });
const structured = (reply: ReadFrame): unknown => JSON.parse(reply.metadata['_rpcxjs-error'] ?? '{}');
const echo = (server: Server) => server.registerFunction('S', 'Echo', (input: unknown) => input);
const waitMs = (ms: number) => new Promise((resolve) => { setTimeout(resolve, ms); });

describe('goodbye', () => {
  it('is said to peers that agreed on it, by a message and on their replies, and to nobody else', async () => {
    const hold = gate();
    await using open = await openServer({}, (server) => echo(server).registerFunction('S', 'Hold', () => hold.promise).registerFunction('S', 'Fail', () => { throw new Error('x'); }));
    const [ours, older, go] = [await open.peer(), await open.peer(), await open.peer()];
    ours.send(offer('cancel.1,errors.1,drain.1'), call(1n, 'Hold'));
    older.send(offer('cancel.1,errors.1'), call(1n));
    go.send(call(1n));
    for (const peer of [older, go]) await peer.reply(1n);
    await until(() => open.server.stats().running === 1);
    const closing = open.server.close();
    expect(open.server.stats().state).toBe('leaving');
    for (const peer of [ours, older, go]) peer.send(call(2n), call(3n, 'Fail'));
    for (const peer of [ours, older, go]) await peer.reply(3n);
    expect((await ours.reply(2n)).metadata).toEqual({ '_rpcxjs-drain': '1' });
    expect((await ours.reply(3n)).metadata).toMatchObject({ '_rpcxjs-drain': '1', __rpcx_error__: 'x' });
    for (const peer of [older, go]) {
      expect((await peer.reply(2n)).metadata).toEqual({});
      expect(Object.keys((await peer.reply(3n)).metadata)).not.toContain('_rpcxjs-drain');
    }
    await until(() => goodbyes(ours).length === 2);
    ours.send(answer);
    hold.open();
    expect((await ours.reply(1n)).flags & 3).toBe(0);
    await closing;
    expect(goodbyes(ours)).toEqual([0n, 1n]);
    expect([...goodbyes(older), ...goodbyes(go)]).toEqual([]);
    expect(open.server.stats()).toMatchObject({ state: 'closed', connections: 0, running: 0 });
  });

  it('leaves time: everything is served until those who were told are quiet, and newcomers like them, to whom it says only its last word', async () => {
    let ran = 0;
    await using open = await openServer({}, (server) => server.registerFunction('S', 'Echo', () => (ran += 1)));
    const busy = await open.peer();
    busy.send(offer('errors.1,drain.1'), call(1n));
    await busy.reply(1n);
    const closing = open.server.close();
    for (let sequence = 2n; sequence < 12n; sequence++) {
      busy.send(call(sequence));
      expect((await busy.reply(sequence)).flags & 3).toBe(0);
      await waitMs(10);
    }
    const late = await open.peer();
    late.send(offer('errors.1,drain.1'), call(1n));
    await late.reply(1n);
    expect(goodbyes(late)).toEqual([]);
    expect(ran).toBe(12);
    await until(() => goodbyes(busy).length === 2);
    busy.send(call(20n), answer);
    late.send(answer);
    expect(structured(await busy.reply(20n))).toMatchObject({ code: 'unavailable', reason: 'DRAINING', retryAfterMs: 0, unrun: true });
    await closing;
    expect(goodbyes(late)).toEqual([1n]);
    expect(ran).toBe(12);
    expect(open.server.stats().refusedLeaving).toBe(1);
  });

  it('leaves a moment after its entries have gone, too: to a Go client of ZooKeeper that is the first that it hears', async () => {
    let gone = false;
    const registry = fakeRegistry((what) => { gone ||= what.startsWith('release'); });
    await using open = await openServer({ registries: [registry] }, echo);
    const go = await open.peer();
    go.send(call(1n));
    await go.reply(1n);
    const closing = open.server.close({ lameDuckMs: 60 });
    await until(() => gone);
    go.send(call(2n));
    expect((await go.reply(2n)).flags & 3).toBe(0);
    await closing;
    expect(open.server.stats()).toMatchObject({ state: 'closed', calls: 2, failed: 0 });
  });

  it('takes lameDuckMs at most, however busy they are, and no time with 0 or where nobody can be told', async () => {
    await using open = await openServer({}, echo);
    const peer = await open.peer();
    peer.send(offer('errors.1,drain.1'), call(1n));
    await peer.reply(1n);
    const at = performance.now();
    const closing = open.server.close({ lameDuckMs: 120 });
    let sequence = 2n;
    while (goodbyes(peer).length < 2) {
      peer.send(call(sequence++));
      await waitMs(5);
    }
    expect(performance.now() - at).toBeGreaterThanOrEqual(115);
    peer.send(answer);
    await closing;
    await using other = await openServer({}, echo);
    const go = await other.peer();
    go.send(call(1n));
    await go.reply(1n);
    const closed = other.server.close();
    await Promise.resolve();
    await until(() => other.server.stats().state !== 'leaving');
    await closed;
  });

  it('twice with less time ends it earlier, and options that are no times are refused', async () => {
    await using open = await openServer({}, (server) => server.registerFunction('S', 'Deaf', () => new Promise(() => {})));
    const peer = await open.peer();
    peer.send(call(1n, 'Deaf'));
    await until(() => open.server.stats().running === 1);
    for (const options of [{ graceMs: -1 }, { graceMs: Number.NaN }, { lameDuckMs: '5' as never }]) expect(() => open.server.close(options)).toThrow(/close: .*milliseconds/);
    const closing = open.server.close();
    const at = performance.now();
    expect(open.server.close({ graceMs: 50 })).toBe(closing);
    await closing;
    expect(performance.now() - at).toBeLessThan(50 + 100 + 50);
  });

  it('moves the calls of a client with another server there at once, and serves one without to the last, on one connection more', async () => {
    const network = memoryNetwork();
    const start = async (name: string): Promise<Server> => {
      const server = createServer({ transports: [network], logger: recordingLogger([]) }).registerFunction('S', 'Who', () => waitMs(1).then(() => name));
      await server.listen(`memory@${name}`);
      return server;
    };
    const [one, two] = [await start('one'), await start('two')];
    await using both = createClient({ servers: ['memory@one', 'memory@two'], transports: [network] });
    await using only = createClient({ servers: 'memory@one', transports: [network] });
    const calling = (client: Client, answers: string[]) => async (): Promise<void> => {
      while (one.stats().state === 'leaving') answers.push(String(await client.call('S', 'Who', 1)));
    };
    for (let index = 0; index < 4; index++) for (const client of [both, only]) await client.call('S', 'Who', 1);
    const closing = one.close({ lameDuckMs: 200 });
    const [ofBoth, ofOnly]: [string[], string[]] = [[], []];
    await Promise.allSettled([calling(both, ofBoth)(), calling(only, ofOnly)()]);
    await closing;
    expect(ofBoth.length).toBeGreaterThan(10);
    expect(ofBoth.slice(2).filter((name) => name === 'one')).toEqual([]);
    expect(ofOnly.length).toBeGreaterThan(10);
    expect(one.stats().connectionsAccepted, 'two clients, and one that came back').toBeLessThanOrEqual(4);
    await two.close();
  });

  it('F1: three servers that are rolled one after the other under load fail no call, though none may run twice', async () => {
    const transport = tcp();
    let ran = 0;
    const start = async (at: string): Promise<{ readonly server: Server; readonly address: string }> => {
      const server = createServer({ transports: [transport], logger: recordingLogger([]) }).registerFunction('S', 'Count', (ms: number) => waitMs(ms).then(() => (ran += 1)));
      const [address = ''] = await server.listen(at);
      return { server, address };
    };
    const fleet = [await start('tcp@127.0.0.1:0'), await start('tcp@127.0.0.1:0'), await start('tcp@127.0.0.1:0')];
    const client = createClient({ servers: fleet.map(({ address }) => address), transports: [transport], logger: recordingLogger([]) });
    const failures: unknown[] = [];
    let answered = 0;
    let rolling = true;
    const caller = async (index: number): Promise<void> => {
      for (let count = 0; rolling; count++) await client.call('S', 'Count', (index + count) % 7).then(() => (answered += 1), (error: unknown) => failures.push(error));
    };
    const callers = Array.from({ length: 24 }, (_, index) => caller(index));
    await until(() => answered > 200);
    for (const [index, { server, address }] of fleet.entries()) {
      await server.close();
      fleet[index] = await start(address);
      const from = answered;
      await until(() => answered > from + 200);
    }
    rolling = false;
    await Promise.all(callers);
    await client.close();
    for (const { server } of fleet) await server.close();
    expect(failures).toEqual([]);
    expect(ran).toBe(answered);
  });

  it('F4: a thousand frames that are on their way when it begins are each answered or refused so that they may go elsewhere', async () => {
    let ran = 0;
    await using open = await openServer({}, (server) => server.registerFunction('S', 'Echo', (input: unknown) => ((ran += 1), input)));
    const client = open.client({ failMode: { name: 'once', next: () => 'give-up' } });
    await client.call('S', 'Echo', 0);
    let closing: Promise<void> | undefined;
    const calls = Array.from({ length: 1000 }, async (_, index) => {
      if (index % 100 === 99) await Promise.resolve();
      if (index === 500) closing = open.server.close({ lameDuckMs: 0 });
      return client.call('S', 'Echo', index).then((value) => ({ value, index }), (error: unknown) => error);
    });
    const outcomes = await Promise.all(calls);
    await closing;
    const refused = outcomes.filter((outcome) => RpcError.is(outcome));
    const answered = outcomes.filter((outcome) => !RpcError.is(outcome)) as { value: unknown; index: number }[];
    expect(answered.every(({ value, index }) => value === index)).toBe(true);
    expect(refused.length).toBeGreaterThan(0);
    // Refused by the server, which did not run it, or never sent.
    for (const error of refused) expect(error.reason === 'DRAINING' || !error.sent, `${error.reason}: ${error.message}`).toBe(true);
    expect(ran).toBe(answered.length + 1);
  });

  it('F4: over TCP, while the frames come in pieces, none is lost either', async () => {
    const transport = tcp();
    const server = echo(createServer({ transports: [transport], logger: recordingLogger([]) }));
    const [address = ''] = await server.listen('tcp@127.0.0.1:0');
    const client = createClient({ servers: address, transports: [transport], failMode: { name: 'once', next: () => 'give-up' } });
    await client.call('S', 'Echo', 0);
    const outcomes: Promise<unknown>[] = [];
    let closing: Promise<void> | undefined;
    for (let index = 0; index < 1000; index++) {
      outcomes.push(client.call('S', 'Echo', index).then(() => 'answered', (error: unknown) => error));
      if (index % 20 === 19) await new Promise((resolve) => { setImmediate(resolve); });
      if (index === 300) closing = server.close({ lameDuckMs: 0 });
    }
    const errors = (await Promise.all(outcomes)).filter((outcome) => outcome !== 'answered') as RpcError[];
    await closing;
    expect(errors.length).toBeGreaterThan(0);
    for (const error of errors) expect(error.reason === 'DRAINING' || !error.sent, `${error.reason}: ${error.message}`).toBe(true);
    await client.close();
  });
});

describe('F5: goodbye is over in time', () => {
  const graceMs = 200;
  /** How long it took, having seen that the port is free and that nothing is run any more. */
  async function closes(server: Server, address: string): Promise<number> {
    const at = performance.now();
    await server.close({ graceMs });
    const tookMs = performance.now() - at;
    expect(server.stats()).toMatchObject({ state: 'closed', connections: 0 });
    const again = createServer({ transports: [tcp()], logger: recordingLogger([]) });
    expect(await again.listen(address)).toEqual([address]);
    await again.close();
    return tookMs;
  }
  async function tcpServer(register: (server: Server) => unknown): Promise<{ server: Server; address: string; port: number }> {
    const server = createServer({ transports: [tcp()], logger: recordingLogger([]) });
    register(server);
    const [address = ''] = await server.listen('tcp@127.0.0.1:0');
    return { server, address, port: Number(address.split(':').at(-1)) };
  }

  it('with a handler that never ends, and one that ends after it runs nothing', async () => {
    const late = gate();
    let ran = 0;
    const { server, address, port } = await tcpServer((of) => of.registerFunction('S', 'Never', () => new Promise(() => {})).registerFunction('S', 'Late', () => late.promise).registerFunction('S', 'Echo', () => (ran += 1)));
    const socket = connect({ port, host: '127.0.0.1' }).on('error', () => {});
    socket.write(Buffer.concat([call(1n, 'Never'), call(2n, 'Late')]));
    await until(() => server.stats().running === 2);
    expect(await closes(server, address)).toBeLessThan(graceMs + 100);
    late.open();
    socket.write(call(3n));
    await waitMs(20);
    expect(ran).toBe(0);
    expect(server.stats().calls).toBe(2);
    socket.destroy();
  });

  it('with calls that wait for a place, which are not run after it', async () => {
    const hold = gate();
    let ran = 0;
    await using open = await openServer({ limits: { maxCalls: 1 } }, (server) => server.registerFunction('S', 'Hold', () => hold.promise).registerFunction('S', 'Echo', () => (ran += 1)));
    const peer = await open.peer();
    peer.send(call(1n, 'Hold'), call(2n), call(3n));
    await until(() => open.server.stats().queued === 2);
    await open.server.close({ graceMs: 50 });
    hold.open();
    await waitMs(5);
    expect(ran).toBe(0);
    expect(open.server.stats().queued).toBe(0);
  });

  it('with a peer that is stopped in the middle of everything, and one that was killed', async () => {
    const { server, address, port } = await tcpServer((of) => of.registerFunction('S', 'Never', () => new Promise(() => {})));
    const program = `const s=require('net').connect(${port},'127.0.0.1');s.on('error',()=>{});s.write(Buffer.from('${Buffer.concat([offer('errors.1,drain.1'), call(1n, 'Never')]).toString('hex')}','hex'));setInterval(()=>{},1000)`;
    const stopped = spawn(process.execPath, ['-e', program], { stdio: 'ignore' });
    const killed = spawn(process.execPath, ['-e', program], { stdio: 'ignore' });
    try {
      await until(() => server.stats().running === 2);
      stopped.kill('SIGSTOP');
      killed.kill('SIGKILL');
      expect(await closes(server, address)).toBeLessThan(graceMs + 100);
    } finally {
      stopped.kill('SIGKILL');
    }
  });

  it('with a plugin and a registry that never end', async () => {
    const never = new Promise<never>(() => {});
    const registry = { register: async () => ({ update: () => never, release: () => never, [Symbol.asyncDispose]: () => never }), close: () => never, [Symbol.asyncDispose]: () => never };
    const server = echo(createServer({ transports: [tcp()], logger: recordingLogger([]), registries: [registry], plugins: [{ name: 'stuck', stop: () => never }] }));
    const [address = ''] = await server.listen('tcp@127.0.0.1:0');
    expect(server.stats().advertised).toBe(1);
    expect(await closes(server, address)).toBeLessThan(graceMs + 100);
  });
});

describe('F6: a client that closes', () => {
  it('gets the replies of its 500 pending calls, refuses new ones, and ends with its scope', async () => {
    const hold = gate();
    await using open = await openServer({}, (server) => server.registerFunction('S', 'Hold', (input: unknown) => hold.promise.then(() => input)));
    let kept!: Client;
    let replies: Promise<unknown[]> | undefined;
    {
      await using client = open.client();
      kept = client;
      replies = Promise.all(Array.from({ length: 500 }, (_, index) => client.call('S', 'Hold', index)));
      await until(() => open.server.stats().running === 500);
      const closing = client.close();
      await expect(client.call('S', 'Hold', 1)).rejects.toMatchObject({ code: 'failed_precondition', reason: 'CLOSED', sent: false });
      hold.open();
      await closing;
    }
    expect(await replies).toEqual(Array.from({ length: 500 }, (_, index) => index));
    await expect(kept.call('S', 'Hold', 1)).rejects.toMatchObject({ reason: 'CLOSED' });
    await until(() => open.server.stats().connections === 0);
  });
});

describe('closeOnSignals', () => {
  const emit = (signal: string) => process.emit(signal as 'SIGUSR2');

  it('closes at the first signal, aborts at the second, and leaves no listener behind', async () => {
    const signals: AbortSignal[] = [];
    await using open = await openServer({}, (server) => server.registerFunction('S', 'Never', (_: unknown, of: ServerCall) => (signals.push(of.signal), new Promise(() => {}))));
    const before = process.listenerCount('SIGUSR2');
    closeOnSignals(open.server, { signals: ['SIGUSR2'], graceMs: 20_000 });
    const peer = await open.peer();
    peer.send(call(1n, 'Never'));
    await until(() => signals.length === 1);
    emit('SIGUSR2');
    expect(open.server.stats().state).toBe('leaving');
    expect(signals[0]?.aborted).toBe(false);
    emit('SIGUSR2');
    await open.server.close();
    expect(signals[0]?.aborted).toBe(true);
    await until(() => process.listenerCount('SIGUSR2') === before);
  });

  it('refuses at once what could only fail when the signal comes', async () => {
    await using open = await openServer({}, echo);
    expect(() => closeOnSignals(open.server, { graceMs: -1 })).toThrow(/closeOnSignals: graceMs/);
    for (const server of [undefined, null, {}, () => open.server]) expect(() => closeOnSignals(server as never)).toThrow(/^the server of closeOnSignals is .*: it takes what createServer returned$/);
    for (const signals of ['SIGTERM', ['TERM'], [15]]) expect(() => closeOnSignals(open.server, { signals: signals as never })).toThrow(/list of names/);
    expect(() => closeOnSignals(open.server, { signals: ['SIGNONSENSE'] })).not.toThrow();
  });

  it('can be taken back', async () => {
    await using open = await openServer({}, echo);
    closeOnSignals(open.server, { signals: ['SIGUSR2'] })();
    emit('SIGUSR2');
    expect(open.server.stats().state).toBe('open');
  });
});
