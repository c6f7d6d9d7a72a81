import { contract, push, unary, type Peer, type ServerCall } from '@rpcxjs/core';
import { describe, expect, it } from 'vitest';
import { frame, onewayFlag } from './frame.ts';
import { openServer, until, type OpenServer } from './open-server.ts';

const news = contract('News', { Subscribe: unary<void, string>(), Flash: push<unknown>() });
const flash = news.methods.Flash;

async function subscribed(open: OpenServer) {
  const peer = await open.peer();
  peer.send(frame({ service: 'News', method: 'Subscribe', sequence: 1n, payload: 'null' }));
  await peer.reply(1n);
  peer.frames.length = 0;
  return { peer, to: [...open.server.peers()].at(-1) as Peer };
}
const serve = (options = {}) => openServer(options, (server) => server.register(news, { Subscribe: () => 'ok' }));

describe('peer.push', () => {
  it.each<[unknown, string]>([['Flash', '"Flash"'], [undefined, 'undefined'], [news.methods.Subscribe, 'unary "News.Subscribe"']])('of %j is a TypeError: nobody would hear it', async (event, said) => {
    await using open = await serve();
    const { peer, to } = await subscribed(open);
    await expect(to.push(event as typeof flash, 1)).rejects.toThrow(new TypeError(`${said} is no push: it takes one of a contract, Orders.methods.Shipped`));
    expect([peer.frames.length, open.server.stats().pushes]).toEqual([0, 0]);
  });

  it('is a one-way request with numbers of the server, and Go\'s shape for bytes', async () => {
    await using open = await serve();
    const { peer, to } = await subscribed(open);
    await to.push(flash, new Uint8Array([1, 2, 3]), { key: 'value' });
    await to.push(flash, { text: 'hello' });
    await peer.until(() => (peer.frames.length === 2 ? true : undefined), 'two pushes');
    expect(peer.frames).toMatchObject([
      { flags: onewayFlag, codecId: 0, sequence: 1n, service: 'News', method: 'Flash', metadata: { key: 'value' }, payload: Buffer.from([1, 2, 3]) },
      { flags: onewayFlag, codecId: 1, sequence: 2n, payload: Buffer.from('{"text":"hello"}') },
    ]);
    expect(open.server.stats().pushes).toBe(2);
  });

  it('writes values in the codec that the peer uses, and in the server\'s first one to a peer that sends bytes only', async () => {
    const upper = { id: 8, name: 'upper', encode: (value: unknown, writer: { appendUtf8(text: string): void }) => writer.appendUtf8(JSON.stringify(value).toUpperCase()), decode: () => null };
    await using open = await serve({ codecs: [{ ...upper, id: 9, name: 'first' }, upper] });
    for (const [codecId, expected] of [[8, 8], [1, 1], [0, 9], [15, 9]] as const) {
      const peer = await open.peer();
      peer.send(frame({ service: 'News', method: codecId === 15 || codecId === 0 ? 'Nothing' : 'Subscribe', sequence: 1n, codecId, payload: 'null' }));
      await peer.reply(1n);
      await ([...open.server.peers()].at(-1) as Peer).push(flash, { a: 1 });
      const pushed = await peer.until(() => peer.frames.find(({ flags }) => flags === onewayFlag), 'a push');
      expect(pushed.codecId).toBe(expected);
    }
  });

  it('waits while the peer does not read, in order, and goes on when it reads', async () => {
    await using open = await serve();
    const { peer, to } = await subscribed(open);
    peer.connection.pause();
    const half = new Uint8Array(512 * 1024);
    let done = 0;
    const pushes = Array.from({ length: 12 }, (_, index) => to.push(flash, half.slice().fill(index)).then(() => (done += 1)));
    await until(() => done > 0);
    for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => { setImmediate(resolve); });
    expect(done).toBeLessThan(5);
    peer.connection.resume();
    await Promise.all(pushes);
    await peer.until(() => (peer.frames.length === 12 ? true : undefined), 'all pushes');
    expect(peer.frames.map(({ payload }) => payload[0])).toEqual(Array.from({ length: 12 }, (_, index) => index));
  });

  it('is refused when 16384 others wait for a peer that reads slowly, and those arrive in order', async () => {
    await using open = await serve();
    const { peer, to } = await subscribed(open);
    peer.connection.pause();
    const half = new Uint8Array(512 * 1024);
    const large = Array.from({ length: 4 }, () => to.push(flash, half));
    await until(() => !open.server.stats().traffic.bytesWritten || open.server.stats().pushes >= 2);
    for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => { setImmediate(resolve); });
    const begun = open.server.stats().pushes;
    const outcomes = Array.from({ length: 16_384 + 10 }, (_, index) => to.push(flash, index).then(() => 'sent', (error: { code: string; reason: string; sent: boolean }) => `${error.code} ${error.reason} ${error.sent}`));
    peer.connection.resume();
    await Promise.all(large);
    const settledAs = await Promise.all(outcomes);
    const waited = 16_384 - (4 - begun);
    expect(settledAs.filter((outcome) => outcome === 'sent')).toHaveLength(waited);
    expect(new Set(settledAs.slice(waited))).toEqual(new Set(['resource_exhausted OVERLOADED false']));
    await peer.until(() => (peer.frames.length >= waited + 4 ? true : undefined), 'all pushes');
    expect(peer.frames.slice(4).map(({ payload }) => Number(payload.toString()))).toEqual(Array.from({ length: waited }, (_, index) => index));
    await to.push(flash, 'again');
  });

  it('rejects when the peer goes while it waits, and when it is gone already', async () => {
    await using open = await serve();
    const { peer, to } = await subscribed(open);
    peer.connection.pause();
    const half = new Uint8Array(512 * 1024);
    const outcomes = Array.from({ length: 8 }, () => to.push(flash, half).then(() => 'sent', (error: { code: string }) => error.code));
    for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => { setImmediate(resolve); });
    peer.connection.abort();
    const settled = await Promise.all(outcomes);
    expect(settled).toContain('sent');
    expect(settled).toContain('unavailable');
    await expect(to.push(flash, 1)).rejects.toMatchObject({ code: 'unavailable', reason: 'CLOSED', sent: false });
    expect(to.closed.aborted).toBe(true);
  });

  it('that cannot be written or is too large is the pusher\'s error, and nothing of it leaves', async () => {
    await using open = await serve({ limits: { maxFrameBytes: 10_000 } });
    const { peer, to } = await subscribed(open);
    await expect(to.push(flash, 1n)).rejects.toMatchObject({ code: 'invalid_argument', reason: 'BAD_PAYLOAD' });
    await expect(to.push(flash, 'x'.repeat(20_000))).rejects.toMatchObject({ code: 'resource_exhausted', reason: 'TOO_LARGE', sent: false });
    await expect(to.push(flash, new Uint8Array(40_000))).rejects.toMatchObject({ reason: 'TOO_LARGE' });
    await expect(to.push(flash, 1, { bad: Object.create(null) as string })).rejects.toThrow();
    await to.push(flash, 'fine');
    peer.send(frame({ service: 'News', method: 'Subscribe', sequence: 2n, payload: 'null' }));
    await peer.reply(2n);
    expect(peer.frames.map(({ payload }) => payload.toString())).toEqual(['"fine"', '"ok"']);
    expect(open.server.stats().pushes).toBe(1);
  });

  it('passes through interceptors of plugins, which may change or refuse it', async () => {
    await using open = await serve({
      plugins: [
        { name: 'stamp', interceptPush: (next: (message: { metadata: Record<string, string> }) => unknown) => (message: { metadata: Record<string, string> }) => ((message.metadata['stamp'] = 'yes'), next(message)) },
        { name: 'censor', interceptPush: (next: (message: { value: unknown }) => unknown) => (message: { value: unknown }) => { if (message.value === 'secret') throw new Error('censored'); return next(message); } },
      ],
    });
    const { peer, to } = await subscribed(open);
    await expect(to.push(flash, 'secret')).rejects.toThrow('censored');
    await to.push(flash, 'public');
    const pushed = await peer.until(() => peer.frames[0], 'a push');
    expect(pushed).toMatchObject({ metadata: { stamp: 'yes' }, payload: Buffer.from('"public"') });
  });

  it('reaches our client as it was meant, from within a handler too', async () => {
    await using open = await openServer({}, (server) =>
      server.register(news, {
        async Subscribe(_: void, call: ServerCall) {
          await call.peer.push(flash, { n: 1 });
          await call.peer.push(flash, { n: 2 });
          return 'ok';
        },
      }),
    );
    const client = open.client();
    const received: unknown[] = [];
    client.onPush(flash, (value) => received.push(value));
    expect(await client.service(news).Subscribe()).toBe('ok');
    expect(received).toEqual([{ n: 1 }, { n: 2 }]);
  });
});
