import { describe, expect, it } from 'vitest';
import { contract, push, unary, type Peer } from '../src/index.ts';
import { deferred, failure, pair, until } from './pair.ts';

const Feed = contract('Feed', {
  Subscribe: unary<number, void>(),
  Item: push<{ n: number }>(),
  Blob: push<Uint8Array>(),
});

describe('a push', () => {
  it('reaches whoever iterates or listens, in order, with its metadata', async () => {
    await using both = await pair((server) =>
      server.register(Feed, { Subscribe: async (count, call) => { for (let n = 0; n < count; n++) await call.peer.push(Feed.methods.Item, { n }, { nth: String(n) }); } }),
    );
    const heard: unknown[] = [];
    const stop = both.client.onPush(Feed.methods.Item, (item, info) => heard.push([item.n, info.metadata['nth'], info.address]));
    const items = both.client.pushes(Feed.methods.Item);
    await both.client.service(Feed).Subscribe(3);
    expect(heard).toEqual([[0, '0', both.address], [1, '1', both.address], [2, '2', both.address]]);
    const read: number[] = [];
    for await (const { n } of items) {
      read.push(n);
      if (n === 2) break;
    }
    expect(read).toEqual([0, 1, 2]);
    stop();
    await both.client.service(Feed).Subscribe(1);
    expect(heard).toHaveLength(3);
    expect(both.client.stats().droppedPushes).toBe(1);
  });

  it('of bytes goes as it is, whatever codec the calls use', async () => {
    await using both = await pair((server) => server.register(Feed, { Subscribe: async (_, call) => call.peer.push(Feed.methods.Blob, Uint8Array.of(1, 2, 3)) }));
    const blobs = both.client.pushes(Feed.methods.Blob);
    await both.client.service(Feed).Subscribe(1);
    expect((await blobs.next()).value).toEqual(Uint8Array.of(1, 2, 3));
    blobs[Symbol.dispose]();
    expect(await blobs.next()).toEqual({ value: undefined, done: true });
  });

  it('that nobody reads is dropped, the oldest first', async () => {
    await using both = await pair((server) => server.register(Feed, { Subscribe: async (count, call) => { for (let n = 0; n < count; n++) await call.peer.push(Feed.methods.Item, { n }); } }), {
      client: { limits: { maxQueuedPushes: 2 } },
    });
    using items = both.client.pushes(Feed.methods.Item);
    await both.client.service(Feed).Subscribe(5);
    expect([(await items.next()).value, (await items.next()).value]).toEqual([{ n: 3 }, { n: 4 }]);
    expect(both.client.stats().droppedPushes).toBe(3);
  });

  it('to a peer that is gone is refused, and readers end with the client', async () => {
    const peer = deferred<Peer>();
    await using both = await pair((server) => server.register(Feed, { Subscribe: (_, call) => peer.resolve(call.peer) }));
    await both.client.service(Feed).Subscribe(0);
    const items = both.client.pushes(Feed.methods.Item);
    const next = items.next();
    await both.client.close();
    expect(await next).toEqual({ value: undefined, done: true });
    const gone = await peer.promise;
    await until(() => gone.closed.aborted);
    expect(await failure(gone.push(Feed.methods.Item, { n: 1 }))).toMatchObject({ code: 'unavailable', reason: 'CLOSED' });
  });

  it('whose listener throws harms nobody', async () => {
    const lines: string[] = [];
    const logger = { debug() {}, info() {}, warn() {}, error: (_fields: object, message: string) => void lines.push(message), child: () => logger };
    await using both = await pair((server) => server.register(Feed, { Subscribe: async (_, call) => call.peer.push(Feed.methods.Item, { n: 1 }) }), { client: { logger } });
    both.client.onPush(Feed.methods.Item, () => { throw new Error('oops'); });
    const heard = deferred<number>();
    both.client.onPush(Feed.methods.Item, ({ n }) => heard.resolve(n));
    await both.client.service(Feed).Subscribe(1);
    expect(await heard.promise).toBe(1);
    expect(lines).toHaveLength(1);
  });

  it('for each of two next() that wait', async () => {
    const peer = deferred<Peer>();
    await using both = await pair((server) => server.register(Feed, { Subscribe: (_, call) => peer.resolve(call.peer) }));
    const items = both.client.pushes(Feed.methods.Item);
    await both.client.service(Feed).Subscribe(0);
    const next = [items.next(), items.next()];
    const from = await peer.promise;
    await from.push(Feed.methods.Item, { n: 1 });
    await from.push(Feed.methods.Item, { n: 2 });
    expect(await Promise.all(next)).toEqual([{ value: { n: 1 }, done: false }, { value: { n: 2 }, done: false }]);
  });
});
