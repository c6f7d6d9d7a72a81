import { flag } from '@rpcxjs/protocol';
import { manualClock } from '@rpcxjs/testing';
import { describe, expect, it } from 'vitest';
import type { ClientOptions } from '../src/client-options.ts';
import { failure, FakeServer, rig, settled, until, type Rig } from './fake-server.ts';
import { interleaved } from './interleaved.ts';

const once = { name: 'once', next: () => 'give-up' as const };
const Put = { kind: 'unary', service: 'S', name: 'Put' } as never;

/** A client whose server is down. */
async function down(options: Partial<ClientOptions> = {}): Promise<Rig & { readonly clock: ReturnType<typeof manualClock> }> {
  const clock = manualClock();
  const one = await rig({ clock, failMode: once, timeoutMs: Infinity, ...options });
  one.server.network.change({ refuse: true });
  return { ...one, clock };
}

describe('calls that wait for a server that is down', () => {
  it('G03: are never more than the queue holds', async () => {
    await using one = await down({ queue: { max: 2, whileDown: 'keep' } });
    const ends: string[] = [];
    let most = 0;
    for (let index = 0; index < 10; index++) {
      void one.client.call('S', `m${index}`, 1).catch(({ reason }: { reason: string }) => ends.push(`m${index} ${reason}`));
      most = Math.max(most, one.client.queuedCount);
      await one.clock.advanceAsync(10);
    }
    expect(most).toBe(2);
    expect(ends).toEqual([2, 3, 4, 5, 6, 7, 8, 9].map((index) => `m${index} OVERLOADED`));
  });

  it('G04: make room for new ones with drop-oldest: of five 10 ms apart 0, 1 and 2 fail, and 3 and 4 stay', async () => {
    await using one = await down({ queue: { max: 2, overflow: 'drop-oldest', whileDown: 'keep' } });
    const ends: unknown[] = [];
    const calls = Array.from({ length: 5 }, async (_, index) => {
      while (one.clock.now() < index * 10) await settled();
      return one.client.call('S', `m${index}`, 1).catch((error: unknown) => ends.push([index, error]));
    });
    for (let step = 0; step < 5; step++) await one.clock.advanceAsync(10);
    await settled();
    const overflow = expect.objectContaining({ code: 'resource_exhausted', reason: 'OVERLOADED', sent: false, address: 'memory@fake', message: expect.stringContaining('made room for a new one') as string }) as unknown;
    expect(ends).toEqual([[0, overflow], [1, overflow], [2, overflow]]);
    expect(one.client.queuedCount).toBe(2);
    one.server.network.change({ refuse: false });
    one.server.onCall = (call) => one.server.reply(call);
    await one.clock.advanceAsync(5000);
    await Promise.all(calls);
    expect(one.server.received.map(({ method }) => method)).toEqual(['m3', 'm4']);
  });

  it('G05: are not displaced by a one-way call, which fails at once', async () => {
    await using one = await down({ queue: { max: 2, overflow: 'drop-oldest', whileDown: 'keep' } });
    const calls = [one.client.call('S', 'a', 1), one.client.call('S', 'b', 1)];
    await settled();
    expect(await failure(one.client.oneway(Put, 1))).toMatchObject({ code: 'resource_exhausted', reason: 'OVERLOADED', sent: false });
    expect(one.client.queuedCount).toBe(2);
    one.server.network.change({ refuse: false });
    one.server.onCall = (call) => one.server.reply(call);
    await one.clock.advanceAsync(5000);
    expect(await Promise.all(calls)).toEqual(['ok', 'ok']);
  });

  it('M19: wait for room with wait, or until their deadline', async () => {
    await using one = await down({ queue: { max: 2, overflow: 'wait', whileDown: 'keep' } });
    const calls = [1, 2, 3].map((input) => one.client.call('S', 'M', input));
    const late = failure(one.client.call('S', 'Late', 4, { timeoutMs: 500 }));
    const oneway = one.client.oneway(Put, 5);
    await settled();
    expect(one.client.queuedCount).toBe(2);
    await one.clock.advanceAsync(510);
    expect(await late).toMatchObject({ code: 'deadline_exceeded', reason: 'TIMEOUT', sent: false });
    one.server.network.change({ refuse: false });
    one.server.onCall = (call) => { if ((call.flags & flag.oneway) === 0) one.server.reply(call); };
    await one.clock.advanceAsync(5000);
    expect(await Promise.all(calls)).toEqual(['ok', 'ok', 'ok']);
    await oneway;
    expect(one.server.received.map(({ method }) => method)).toEqual(['M', 'M', 'M', 'Put']);
  });

  it('are refused with the name of the limit that was hit', async () => {
    const said = async (queue: ClientOptions['queue']): Promise<string[]> => {
      await using one = await down({ queue: { whileDown: 'keep', ...queue } });
      const calls = ['a', 'b', 'c'].map((name) => failure(one.client.call('S', name, 'x'.repeat(98))).then(({ message }) => message));
      await settled();
      one.client.abort();
      return (await Promise.all(calls)).filter((message) => !message.includes('was stopped'));
    };
    const byBytes = '250 bytes of calls wait for memory@fake already; ';
    const byCount = '2 calls wait for memory@fake already; ';
    const displaced = 'this one had waited longest, and made room for a new one';
    expect(await said({ maxBytes: 250 })).toEqual([`${byBytes}wait for some of them, or raise queue.maxBytes`]);
    expect(await said({ maxBytes: 2500, max: 2 })).toEqual([`${byCount}wait for some of them, or raise queue.max`]);
    expect(await said({ maxBytes: 250, overflow: 'drop-oldest' })).toEqual([byBytes + displaced]);
    expect(await said({ max: 2, overflow: 'drop-oldest' })).toEqual([byCount + displaced]);
  });

  it('are measured if maxBytes says so, each by what its input takes', async () => {
    await using one = await down({ queue: { maxBytes: 250, overflow: 'drop-oldest', whileDown: 'keep' } });
    const ends: string[] = [];
    const call = (name: string, bytes: number): void => void one.client.call('S', name, 'x'.repeat(bytes - 2)).catch(({ reason }: { reason: string }) => ends.push(`${name} ${reason}`));
    call('a', 100);
    call('b', 100);
    await settled();
    expect(one.client.queuedCount).toBe(2);
    call('c', 100);
    await settled();
    expect([ends, one.client.queuedCount]).toEqual([['a OVERLOADED'], 2]);
    call('huge', 251);
    call('d', 250);
    await settled();
    expect([ends, one.client.queuedCount]).toEqual([['a OVERLOADED', 'huge OVERLOADED', 'b OVERLOADED', 'c OVERLOADED'], 1]);
    const circle: unknown[] = [];
    circle.push(circle);
    expect((await failure(one.client.call('S', 'M', circle))).code).toBe('invalid_argument');
    expect(one.client.queuedCount).toBe(1);
  });

  it('fail with the dial unless they are to be kept, so that another server can be tried', async () => {
    await using one = await down();
    expect(await failure(one.client.call('S', 'M', 1))).toMatchObject({ reason: 'CONNECT_FAILED', sent: false });
  });
});

describe('a server that comes back', () => {
  it('G17: gets the calls that waited: one made while it was down succeeds when it starts 200 ms later', async () => {
    await using one = await down({ queue: { whileDown: 'keep' } });
    one.server.onCall = (call) => one.server.reply(call);
    const call = one.client.call('S', 'M', 1);
    await one.clock.advanceAsync(200);
    expect(one.client.stats().connections).toBe(0);
    one.server.network.change({ refuse: false });
    await one.clock.advanceAsync(5000);
    expect(await call).toBe('ok');
  });

  it('G17: keeps what waited when its connection ended, and G18: not what was under way, which is not sent again', async () => {
    await using one = await rig({ failMode: once, limits: { highWaterBytes: 1000 } });
    await one.client.ping(one.server.address);
    one.server.connection.pause();
    const underWay = failure(one.client.call('S', 'Sent', 'x'.repeat(200_000)));
    await settled();
    const waiting = [one.client.call('S', 'Waited', 1), one.client.call('S', 'Waited', 2)];
    await settled();
    expect(one.client.queuedCount).toBe(2);
    one.server.onCall = (call) => one.server.reply(call);
    one.server.network.links[0]?.cut();
    expect(await underWay).toMatchObject({ code: 'unavailable', reason: 'CONNECTION_LOST', sent: true });
    expect(await Promise.all(waiting)).toEqual(['ok', 'ok']);
    expect(one.server.received.map(({ method }) => method)).toEqual(['Waited', 'Waited']);
  });

  it('G18: does not run a call twice whose connection ended after it was read', async () => {
    await using one = await rig();
    const error = failure(one.client.call('S', 'M', 1));
    await one.server.call(0);
    one.server.network.links[0]?.cut();
    expect(await error).toMatchObject({ code: 'unavailable', reason: 'CONNECTION_LOST', sent: true });
    const after = one.client.call('S', 'Other', 1);
    one.server.reply(await one.server.call(1));
    await after;
    expect(one.server.received.map(({ method }) => method)).toEqual(['M', 'Other']);
  });

  it('M41: fails its 10 waiting calls at once when it resets, and the next call works', async () => {
    const clock = manualClock();
    await using one = await rig({ clock });
    const errors = Array.from({ length: 10 }, () => failure(one.client.call('S', 'M', 1)));
    await one.server.call(9);
    const before = clock.now();
    one.server.network.links[0]?.cut();
    expect((await Promise.all(errors)).map(({ reason }) => reason)).toEqual(Array.from({ length: 10 }, () => 'CONNECTION_LOST'));
    expect(clock.now() - before).toBeLessThan(50);
    one.server.onCall = (call) => one.server.reply(call);
    expect(await one.client.call('S', 'M', 1)).toBe('ok');
    expect(clock.now() - before).toBeLessThan(50);
  });
});

describe('a server that never answers', () => {
  it('G19: is given up once more than 100 are outstanding with a queue of 10, and the client connects again', async () => {
    await using one = await rig({ queue: { max: 10 } });
    const errors: Promise<{ readonly reason?: string }>[] = [];
    await one.client.ready();
    for (let index = 0; index < 100; index++) errors.push(failure(one.client.call('S', 'M', 1)));
    await one.server.call(99);
    expect(one.client.stats()).toMatchObject({ connections: 1, active: 100 });
    errors.push(failure(one.client.call('S', 'M', 1)));
    const reasons = (await Promise.all(errors)).map(({ reason }) => reason);
    expect(new Set(reasons)).toEqual(new Set(['STUCK']));
    one.server.onCall = (call) => one.server.reply(call);
    expect(await one.client.call('S', 'M', 1)).toBe('ok');
    expect(one.server.connections.length).toBe(2);
  });

  it('G19: nor do calls count less that nobody waits for any more', async () => {
    const clock = manualClock();
    await using one = await rig({ clock, outstanding: { max: 20 } });
    await one.client.ready();
    for (let index = 0; index < 20; index++) {
      const error = failure(one.client.call('S', 'M', 1, { timeoutMs: 10 }));
      await one.server.call(index);
      await clock.advanceAsync(20);
      expect((await error).reason).toBe('TIMEOUT');
    }
    expect(one.server.connections.length).toBe(1);
    expect(await failure(one.client.call('S', 'M', 1, { timeoutMs: 1000 }))).toMatchObject({ code: 'unavailable', reason: 'STUCK', sent: true, message: expect.stringContaining('more than 20 calls wait for a server that does not answer them') as string });
  });

  it('G10: is not given up when it answers late: 5 late replies are counted, and nothing is outstanding then', async () => {
    const clock = manualClock();
    await using one = await rig({ clock, outstanding: { max: 5 } });
    for (let round = 0; round < 3; round++) {
      const errors = Array.from({ length: 5 }, () => failure(one.client.call('S', 'M', 1, { timeoutMs: 100 })));
      await one.server.call(round * 5 + 4);
      await clock.advanceAsync(110);
      expect((await Promise.all(errors)).map(({ reason }) => reason)).toEqual(Array.from({ length: 5 }, () => 'TIMEOUT'));
      for (const call of one.server.received.slice(-5)) one.server.reply(call);
      await until(() => one.client.stats().lateReplies === round * 5 + 5);
    }
    expect(one.server.connections.length).toBe(1);
    one.server.onCall = (call) => one.server.reply(call);
    expect(await Promise.all(Array.from({ length: 5 }, () => one.client.call('S', 'M', 1)))).toHaveLength(5);
  });

  it('N25: leaves nothing behind of 1000 calls that timed out', async () => {
    const clock = manualClock();
    await using one = await rig({ clock });
    const errors = Array.from({ length: 1000 }, () => failure(one.client.call('S', 'M', 1, { timeoutMs: 100 })));
    await one.server.call(999);
    await clock.advanceAsync(110);
    expect(new Set((await Promise.all(errors)).map(({ reason }) => reason))).toEqual(new Set(['TIMEOUT']));
    expect(one.client.stats()).toMatchObject({ active: 0, queued: 0 });
    for (const call of one.server.received) one.server.reply(call);
    await until(() => one.client.stats().lateReplies === 1000);
    expect(one.client.nodes()).toMatchObject([{ inFlight: 0 }]);
  });
});

describe('timeouts', () => {
  it('G09: come when they are due, also when the server cannot be reached', async () => {
    const clock = manualClock();
    await using one = await rig({ clock, timeoutMs: 200 });
    const ends: [string, number][] = [];
    const call = (name: string, options = {}): void => void one.client.call('S', name, 1, options).catch(({ reason }: { reason: string }) => ends.push([`${name} ${reason}`, clock.now()]));
    call('usual');
    call('own', { timeoutMs: 50 });
    await one.server.call(1);
    await clock.advanceAsync(250);
    expect(ends.map(([end]) => end)).toEqual(['own TIMEOUT', 'usual TIMEOUT']);
    expect(Math.abs((ends[0]?.[1] ?? 0) - 50)).toBeLessThan(20);
    expect(Math.abs((ends[1]?.[1] ?? 0) - 200)).toBeLessThan(20);
    one.server.network.links[0]?.cut();
    one.server.network.change({ blackHole: 'both' });
    const began = clock.now();
    call('unreachable');
    await clock.advanceAsync(250);
    expect(ends[2]?.[0]).toBe('unreachable TIMEOUT');
    expect(Math.abs((ends[2]?.[1] ?? 0) - began - 200)).toBeLessThan(20);
  });

  it('M23: a server that falls silent fails its calls after 5 s and a fifth at most, and a healthy idle connection survives', async () => {
    const clock = manualClock();
    await using one = await rig({ clock, timeoutMs: Infinity });
    await one.client.ready();
    await clock.advanceAsync(120_000);
    expect(one.client.stats()).toMatchObject({ connections: 1, dials: 1 });
    expect(one.server.heartbeats.length).toBeGreaterThan(5);
    const error = failure(one.client.call('S', 'M', 1));
    await one.server.call(0);
    one.server.network.change({ blackHole: 'both' });
    const began = clock.now();
    let took = 0;
    void error.then(() => (took = clock.now() - began));
    await clock.advanceAsync(6000);
    expect((await error).reason).toBe('PEER_SILENT');
    expect(took).toBeLessThanOrEqual(6000);
  });
});

it('G41: a call with nothing in and nothing out', async () => {
  await using one = await rig();
  one.server.onCall = (call) => one.server.reply(call, { payload: 'null' });
  expect(await one.client.call('S', 'M', null)).toBe(null);
  expect(String(one.server.received[0]?.payload)).toBe('null');
});

describe('numbers and bytes of a connection', () => {
  it('N03: the first request on the wire is number 0, and each has one more', async () => {
    await using one = await rig();
    one.server.onCall = (call) => one.server.reply(call);
    for (let index = 0; index < 10; index++) await one.client.call('S', 'M', 1);
    expect(one.server.heartbeats[0]?.sequence).toBe(0n);
    expect(one.server.received.map(({ sequence }) => Number(sequence))).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
  });

  it('N04: 100 calls of 10 KB at once never interleave, however they are cut; a long test has 1000 of them, byte by byte', async () => {
    expect(await interleaved(100, 13)).toEqual([]);
  });

  it('N07: a reply that nobody asked for is counted and dropped, and the next call works', async () => {
    await using one = await rig();
    const call = one.client.call('S', 'M', 1);
    const asked = await one.server.call(0);
    one.server.send({ sequence: 99n, flags: flag.response, payload: '1' });
    one.server.reply(asked);
    expect(await call).toBe('ok');
    expect(one.client.stats()).toMatchObject({ lateReplies: 1, connections: 1 });
    one.server.onCall = (next) => one.server.reply(next);
    expect(await one.client.call('S', 'M', 1)).toBe('ok');
  });

  it('N08: a reply that cannot be read fails that call alone', async () => {
    await using one = await rig();
    const calls = [failure(one.client.call('S', 'Bad', 1)), one.client.call('S', 'Good', 1)] as const;
    const [bad, good] = [await one.server.call(0), await one.server.call(1)];
    one.server.reply(bad, { payload: '{"half' });
    expect(await calls[0]).toMatchObject({ code: 'data_loss', reason: 'BAD_PAYLOAD' });
    one.server.reply(good);
    expect(await calls[1]).toBe('ok');
    expect(one.client.stats()).toMatchObject({ connections: 1, dials: 1 });
  });

  it('N09: the loss of a connection says so to all that waited, and a closed client to whoever comes', async () => {
    await using one = await rig();
    const errors = Array.from({ length: 5 }, () => failure(one.client.call('S', 'M', 1)));
    await one.server.call(4);
    await one.server.connection.close();
    for (const error of await Promise.all(errors)) {
      expect(error).toMatchObject({ code: 'unavailable', reason: 'CONNECTION_LOST', message: 'the connection to memory@fake ended while the call waited for its reply: the server closed it' });
    }
    await one.client.close();
    expect(await failure(one.client.call('S', 'M', 1))).toMatchObject({ code: 'failed_precondition', reason: 'CLOSED', sent: false });
  });
});

it('N05: replies decode alike, wherever they are split', async () => {
  const server = await FakeServer.listen();
  server.greets = 'nothing';
  const lengths = await splitAt(server, 0);
  for (let position = 1; position < lengths; position += 1) await splitAt(server, position);
}, 30_000);

/** Three calls whose replies come in two pieces. Resolves with the length of the replies. */
async function splitAt(server: FakeServer, position: number): Promise<number> {
  await using one = await rig({ servers: server.address, transports: [server.network] });
  server.received.length = 0;
  const calls = ['a', 'b', 'c'].map((name) => one.client.call('S', name, 1));
  await until(() => server.received.length === 3);
  const written: Uint8Array[] = [];
  const { connection } = server;
  const replies = server.received.map((call) => ({ sequence: call.sequence, service: 'S', method: call.method, flags: flag.response, payload: JSON.stringify(`reply ${call.method}`) }));
  const write = connection.write.bind(connection);
  connection.write = (chunk) => { written.push(chunk.slice()); return true; };
  server.send(...replies);
  connection.write = write;
  const bytes = Buffer.concat(written);
  if (position > 0) connection.write(bytes.subarray(0, position));
  await settled();
  connection.write(bytes.subarray(position));
  expect(await Promise.all(calls)).toEqual(['reply a', 'reply b', 'reply c']);
  return bytes.length;
}
