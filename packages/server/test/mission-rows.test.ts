import { createClient } from '@rpcxjs/client';
import { bytesCodec, contract, push, RpcError, type Connection, type Interceptor, type Peer, type ServerCall } from '@rpcxjs/core';
import { memoryNetwork } from '@rpcxjs/transport-memory';
import { tcp } from '@rpcxjs/transport-tcp';
import { describe, expect, it } from 'vitest';
import { createServer, noReply } from '../src/index.ts';
import { frame, onewayFlag } from './frame.ts';
import { gate, openServer, recordingLogger, until } from './open-server.ts';

const quiet = { logger: recordingLogger([]) };
const mebibyte = 1024 * 1024;
const waitMs = (ms: number) => new Promise((resolve) => { setTimeout(resolve, ms); });

describe('as gorpc\'s server', () => {
  it('G24: a client that does not read costs a bounded amount, and others notice nothing', async () => {
    let ran = 0;
    const large = 'x'.repeat(64 * 1024);
    await using open = await openServer({}, (server) => server.registerFunction('S', 'Large', () => ((ran += 1), large)).registerFunction('S', 'Echo', (input: unknown) => input));
    const deaf = await open.peer();
    deaf.connection.pause();
    for (let sequence = 0n; sequence < 2000n; sequence++) deaf.send(frame({ service: 'S', method: 'Large', sequence, payload: '1' }));
    const client = open.client();
    for (let index = 0; index < 100; index++) expect(await client.call('S', 'Echo', index)).toBe(index);
    // A mebibyte waits for the connection, and what a transport holds besides: of 125 MiB of replies.
    expect(ran).toBeLessThan(40);
    expect(open.server.stats().traffic.bytesWritten).toBeLessThan(3 * mebibyte);
    deaf.connection.resume();
    await deaf.until(() => (deaf.frames.length === 2000 ? true : undefined), 'all replies once it reads');
  });

  it('G30: a handler that throws or rejects is an error without a stack, and the next calls are answered', async () => {
    await using open = await openServer({}, (server) =>
      server
        .registerFunction('S', 'Throw', () => { throw new Error('out of paper'); })
        .registerFunction('S', 'Reject', () => Promise.reject(new Error('out of ink')))
        .registerFunction('S', 'Echo', (input: unknown) => input),
    );
    const client = open.client();
    for (const [method, message] of [['Throw', 'out of paper'], ['Reject', 'out of ink']] as const) {
      const error = (await client.call('S', method, 1).catch((thrown: unknown) => thrown)) as RpcError;
      expect(error).toMatchObject({ code: 'unknown', reason: 'HANDLER_THREW', remote: true, message });
      expect(JSON.stringify(error)).not.toMatch(/\bat .*\.ts/);
      expect(await client.call('S', 'Echo', method)).toBe(method);
    }
    const raw = await open.peer();
    raw.send(frame({ service: 'S', method: 'Throw', sequence: 1n, payload: '1' }));
    expect((await raw.reply(1n)).metadata).toEqual({ __rpcx_error__: 'out of paper' });
    expect(open.server.stats()).toMatchObject({ connections: 2, running: 0 });
  });

  it('G32: stop before start and stop twice are nothing, and start after stop is a typed error: a new server takes the address over', async () => {
    const network = memoryNetwork();
    const make = () => createServer({ ...quiet, transports: [network] }).registerFunction('S', 'Echo', (input: unknown) => input);
    const never = make();
    await never.close();
    await never.close();
    await expect(never.listen('memory@never')).rejects.toMatchObject({ code: 'failed_precondition', reason: 'CLOSED' });
    const first = make();
    await first.listen('memory@same');
    await expect(make().listen('memory@same'), 'two at one address').rejects.toMatchObject({ reason: 'LISTEN_FAILED' });
    await expect(first.listen('memory@same'), 'twice at one address').rejects.toMatchObject({ reason: 'LISTEN_FAILED' });
    await expect(first.listen(), 'nothing to listen on').rejects.toThrow(new TypeError("listen got no address, and nobody could reach the server: it takes one at least, listen('tcp@127.0.0.1:8972')"));
    await using client = createClient({ servers: 'memory@same', transports: [network] });
    expect(await client.call('S', 'Echo', 1)).toBe(1);
    await first.close();
    await expect(first.listen('memory@same')).rejects.toMatchObject({ code: 'failed_precondition', reason: 'CLOSED', message: expect.stringMatching(/make a new one/) as string });
    await using second = make();
    await second.listen('memory@same');
    expect(await client.call('S', 'Echo', 2), 'the same client goes on').toBe(2);
  });

  it('G33: stopped during a handler of 300 ms: its reply arrives, what is new is refused, and nothing resolves with undefined', async () => {
    await using open = await openServer({}, (server) => server.registerFunction('S', 'Slow', async () => { await waitMs(300); return 'done'; }));
    const client = open.client({ failMode: { name: 'once', next: () => 'give-up' } });
    const slow = client.call('S', 'Slow', 1);
    await until(() => open.server.stats().running === 1);
    const closing = open.server.close({ lameDuckMs: 0 });
    await expect(client.call('S', 'Slow', 2)).rejects.toMatchObject({ code: 'unavailable', reason: 'DRAINING' });
    expect(await slow).toBe('done');
    await closing;
    await expect(client.call('S', 'Slow', 3)).rejects.toMatchObject({ code: 'unavailable' });
  });
});

describe('as morpc\'s server', () => {
  const news = contract('News', { Flash: push<unknown>() });
  /** Notes every chunk that a connection is given. */
  const noting = (written: Uint8Array[]) => ({
    name: 'noting',
    acceptConnection(connection: Connection): Connection {
      const write = connection.write.bind(connection);
      connection.write = (chunk) => (written.push(chunk.slice()), write(chunk));
      return connection;
    },
  });

  it('M16: a push that is awaited has been handed to the network, one that is not is only queued', async () => {
    const written: Uint8Array[] = [];
    await using open = await openServer({ plugins: [noting(written)] }, () => {});
    const peer = await open.peer();
    await until(() => open.server.stats().connections === 1);
    const [to] = [...open.server.peers()] as [Peer];
    const first = to.push(news.methods.Flash, 'first');
    const second = to.push(news.methods.Flash, 'second');
    expect(written, 'both of one turn leave together').toHaveLength(0);
    await first;
    expect(written).toHaveLength(1);
    expect(Buffer.from(written[0] ?? []).toString()).toMatch(/first.*second/s);
    await second;
    await peer.until(() => (peer.frames.length === 2 ? true : undefined), 'both pushes');
  });

  it('M16: what is refused before it is written, by a filter or for its size, leaves no gap in the numbers', async () => {
    const interceptPush: Interceptor<{ readonly value: unknown } & never, void> = (next) => (message) => {
      if ((message as { readonly value: unknown }).value === 'stale') throw new RpcError('deadline_exceeded', 'too late', { reason: 'TIMEOUT' });
      return next(message);
    };
    await using open = await openServer({ limits: { maxFrameBytes: 4096 }, plugins: [{ name: 'filter', interceptPush: interceptPush as never }] }, () => {});
    const peer = await open.peer();
    await until(() => open.server.stats().connections === 1);
    const [to] = [...open.server.peers()] as [Peer];
    await to.push(news.methods.Flash, 'one');
    await expect(to.push(news.methods.Flash, 'stale')).rejects.toMatchObject({ reason: 'TIMEOUT' });
    await expect(to.push(news.methods.Flash, 'x'.repeat(5000))).rejects.toMatchObject({ reason: 'TOO_LARGE' });
    await to.push(news.methods.Flash, 'two');
    await peer.until(() => (peer.frames.length === 2 ? true : undefined), 'two pushes');
    expect(peer.frames.map(({ sequence, flags }) => [sequence, flags])).toEqual([[1n, onewayFlag], [2n, onewayFlag]]);
  });

  it('M21: a filter may drop a reply, so that its caller times out, and refuse a request, which is an error reply', async () => {
    let ran = 0;
    const drops: Interceptor<ServerCall> = (next) => async (call) => {
      if (call.metadata['skip'] === 'request') throw new RpcError('permission_denied', 'skip request by filter');
      const reply = await next(call);
      if (call.metadata['skip'] === 'reply') throw noReply;
      return reply;
    };
    await using open = await openServer({ intercept: [drops] }, (server) => server.registerFunction('S', 'M', () => (ran += 1)).registerFunction('S', 'Never', () => { throw noReply; }));
    const client = open.client();
    expect(await client.call('S', 'M', 1)).toBe(1);
    await expect(client.call('S', 'M', 1, { metadata: { skip: 'request' } })).rejects.toMatchObject({ code: 'permission_denied', message: 'skip request by filter', remote: true });
    expect(ran).toBe(1);
    await expect(client.call('S', 'M', 1, { metadata: { skip: 'reply' }, timeoutMs: 60 })).rejects.toMatchObject({ code: 'deadline_exceeded', reason: 'TIMEOUT', remote: false });
    expect(ran).toBe(2);
    await expect(client.call('S', 'Never', 1, { timeoutMs: 30 })).rejects.toMatchObject({ reason: 'TIMEOUT', remote: false });
    expect(open.server.stats()).toMatchObject({ running: 0, connections: 1 });
    expect(await client.call('S', 'M', 1)).toBe(3);
  });

  it('M27: a message of 100 MiB and one byte is refused before it is sent, in either direction, and other calls go on', { timeout: 30_000 }, async () => {
    const limits = { maxFrameBytes: 100 * mebibyte };
    const large = new Uint8Array(limits.maxFrameBytes + 1);
    await using open = await openServer({ limits, codecs: [bytesCodec] }, (server) => server.registerFunction('S', 'Large', () => large).registerFunction('S', 'Echo', (input: unknown) => input));
    const client = open.client({ limits, codecs: [bytesCodec] });
    const one = new Uint8Array([1]);
    const [up, down, other] = await Promise.allSettled([client.call('S', 'Echo', large), client.call('S', 'Large', one), client.call('S', 'Echo', one)]);
    expect(up).toMatchObject({ status: 'rejected', reason: { code: 'resource_exhausted', reason: 'TOO_LARGE', sent: false } });
    expect(down).toMatchObject({ status: 'rejected', reason: { code: 'resource_exhausted', reason: 'TOO_LARGE', remote: true } });
    expect(other).toMatchObject({ status: 'fulfilled', value: one });
    expect(client.stats().traffic.bytesWritten).toBeLessThan(2000);
    expect(open.server.stats().traffic.bytesWritten).toBeLessThan(2000);
  });
});

describe('as Go\'s net/rpc', () => {
  it('N26: an error without a text is an error all the same', async () => {
    class NotFound extends Error {
      override readonly name = 'NotFound';
    }
    await using open = await openServer({}, (server) =>
      server
        .registerFunction('S', 'Error', () => { throw new Error(''); })
        .registerFunction('S', 'Text', () => Promise.reject('')) // oxlint-disable-line prefer-promise-reject-errors
        .registerFunction('S', 'Named', () => { throw new NotFound(''); })
        .registerFunction('S', 'Coded', () => { throw new RpcError('not_found', ''); }),
    );
    const client = open.client();
    const raw = await open.peer();
    for (const [index, [method, message]] of ([['Error', 'unspecified error'], ['Text', 'unspecified error'], ['Named', 'NotFound'], ['Coded', 'not_found']] as const).entries()) {
      await expect(client.call('S', method, 1), method).rejects.toMatchObject({ message, remote: true });
      raw.send(frame({ service: 'S', method, sequence: BigInt(index), payload: '1' }));
      const reply = await raw.reply(BigInt(index));
      expect([reply.flags & 3, reply.metadata['__rpcx_error__']]).toEqual([1, message]);
    }
  });

  it('N27: methodStats counts calls, failures and what is running, for each method', async () => {
    const hold = gate();
    await using open = await openServer({}, (server) =>
      server.register('Arith', { Add: (n: number) => n + 1, Fail: () => { throw new Error('no'); }, Hold: () => hold.promise, Idle: () => 1 }, { methods: ['Add', 'Fail', 'Hold', 'Idle'] }));
    const client = open.client();
    for (let index = 0; index < 3; index++) await client.call('Arith', 'Add', index);
    await client.call('Arith', 'Fail', 1).catch(() => {});
    await client.call('Arith', 'Unknown', 1).catch(() => {});
    const held = client.call('Arith', 'Hold', 1);
    await until(() => open.server.stats().running === 1);
    const named = { service: 'Arith', failed: 0, running: 0 };
    expect(open.server.methodStats()).toEqual([
      { ...named, method: 'Add', calls: 3 },
      { ...named, method: 'Fail', calls: 1, failed: 1 },
      { ...named, method: 'Hold', calls: 1, running: 1 },
      { ...named, method: 'Idle', calls: 0 },
    ]);
    expect(JSON.parse(JSON.stringify(open.server.methodStats()))).toEqual(open.server.methodStats());
    hold.open();
    await held;
    expect(open.server.methodStats()[2]).toMatchObject({ running: 0, failed: 0 });
  });

  it('N28: whatever a handler does, the server lives and answers the next call', async () => {
    const odd: Record<string, () => unknown> = {
      throws: () => { throw new TypeError('x is not a function'); },
      rejects: () => Promise.reject(new Error('later')),
      throwsNoError: () => { throw 42; }, // oxlint-disable-line no-throw-literal
      rejectsNothing: () => Promise.reject(undefined), // oxlint-disable-line prefer-promise-reject-errors
      neverSettles: () => new Promise(() => {}),
      overflows: function deeper(): unknown { return [deeper()]; },
    };
    await using open = await openServer({}, (server) => {
      for (const [method, run] of Object.entries(odd)) server.registerFunction('S', method, run);
      server.registerFunction('S', 'Echo', (input: unknown) => input);
    });
    const client = open.client();
    for (const method of Object.keys(odd)) {
      const error: unknown = await client.call('S', method, 1, { timeoutMs: 300 }).catch((thrown: unknown) => thrown);
      expect(RpcError.is(error), method).toBe(true);
      expect(error, method).toMatchObject({ reason: method === 'neverSettles' ? 'TIMEOUT' : 'HANDLER_THREW' });
      expect(await client.call('S', 'Echo', method)).toBe(method);
    }
    expect(open.server.stats()).toMatchObject({ connections: 1, connectionsAccepted: 1 });
  });
});

describe('over TCP, too', () => {
  it('M16: awaiting a push means that the system has its bytes', async () => {
    const server = createServer({ ...quiet, transports: [tcp()] });
    const [address = ''] = await server.listen('tcp@127.0.0.1:0');
    const client = createClient({ servers: address, transports: [tcp()] });
    await client.call('S', 'M', 1).catch(() => {});
    const [to] = [...server.peers()] as [Peer];
    const before = server.stats().traffic.bytesWritten;
    await to.push(contract('News', { Flash: push<unknown>() }).methods.Flash, 'hello');
    expect(server.stats().traffic.bytesWritten).toBeGreaterThan(before);
    await client.close();
    await server.close();
  });
});
