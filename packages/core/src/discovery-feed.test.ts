import { describe, expect, it } from 'vitest';
import { instanceFeed, type InstanceFeed } from './discovery-feed.ts';
import type { ServiceInstance } from './discovery.ts';

const one: readonly ServiceInstance[] = [{ address: 'tcp@a:1', metadata: {} }];
const two: readonly ServiceInstance[] = [{ address: 'tcp@b:2', metadata: {} }];
const over = { done: true, value: undefined };

function open(signal?: AbortSignal, first?: (feed: InstanceFeed) => void) {
  const said: string[] = [];
  const opened: { feed?: InstanceFeed } = {};
  const watch = instanceFeed(signal, (feed) => {
    said.push('start');
    opened.feed = feed;
    first?.(feed);
    return () => void said.push('stop');
  });
  return { said, watch, opened };
}

describe('instanceFeed', () => {
  it('starts at the first read, and not when nobody reads', async () => {
    const { said, watch, opened } = open();
    expect(said).toEqual([]);
    const read = watch.next();
    expect(said).toEqual(['start']);
    opened.feed?.push(one);
    expect(await read).toEqual({ done: false, value: one });
  });

  it('shows a slow reader the newest list only', async () => {
    const { watch, opened } = open(undefined, (feed) => feed.push(one));
    expect((await watch.next()).value).toBe(one);
    opened.feed?.push(one);
    opened.feed?.push(two);
    expect((await watch.next()).value).toBe(two);
    const read = watch.next();
    opened.feed?.push(one);
    expect((await read).value).toBe(one);
  });

  it('answers several reads at once in their order', async () => {
    const { watch, opened } = open();
    const reads = [watch.next(), watch.next(), watch.next()];
    opened.feed?.push(one);
    opened.feed?.push(two);
    opened.feed?.end();
    expect(await Promise.all(reads)).toEqual([{ done: false, value: one }, { done: false, value: two }, over]);
  });

  it('ends a waiting read when the signal aborts, stops once, and says nothing any more', async () => {
    const controller = new AbortController();
    const { said, watch, opened } = open(controller.signal, (feed) => feed.push(one));
    await watch.next();
    const read = watch.next();
    controller.abort();
    expect(await read).toEqual(over);
    opened.feed?.push(two);
    opened.feed?.fail(new Error('late'));
    opened.feed?.end();
    expect(await watch.next()).toEqual(over);
    expect(said).toEqual(['start', 'stop']);
  });

  it('ends a waiting read when the reader leaves', async () => {
    const { said, watch } = open();
    const read = watch.next();
    expect(await watch.return?.()).toEqual(over);
    expect(await read).toEqual(over);
    expect(said).toEqual(['start', 'stop']);
  });

  it('never starts for a reader that left before', async () => {
    const { said, watch } = open();
    await watch.return?.();
    expect(await watch.next()).toEqual(over);
    expect(said).toEqual([]);
  });

  it('gives a list that is there at once even under an aborted signal, and then ends', async () => {
    const { said, watch } = open(AbortSignal.abort(), (feed) => feed.push(one));
    expect((await watch.next()).value).toBe(one);
    expect(await watch.next()).toEqual(over);
    expect(said).toEqual(['start', 'stop']);
  });

  it('gives what was pushed before an error or an end, then that', async () => {
    const broken = new Error('the registry is gone');
    const failing = open(undefined, (feed) => {
      feed.push(one);
      feed.fail(broken);
    });
    expect((await failing.watch.next()).value).toBe(one);
    await expect(failing.watch.next()).rejects.toBe(broken);
    expect(await failing.watch.next()).toEqual(over);
    expect(failing.said).toEqual(['start', 'stop']);
    const ending = open(undefined, (feed) => {
      feed.push(one);
      feed.end();
    });
    expect((await ending.watch.next()).value).toBe(one);
    expect(await ending.watch.next()).toEqual(over);
  });

  it('rejects the read that waits, and the first read when it cannot start', async () => {
    const { watch, opened } = open();
    const read = watch.next();
    opened.feed?.fail(new Error('gone'));
    await expect(read).rejects.toThrow('gone');
    const never = instanceFeed(undefined, () => {
      throw new Error('no start');
    });
    await expect(never.next()).rejects.toThrow('no start');
    expect(await never.next()).toEqual(over);
  });

  it('leaves no listener at the signal', async () => {
    const controller = new AbortController();
    let listeners = 0;
    const { signal } = controller;
    const add = signal.addEventListener.bind(signal);
    const remove = signal.removeEventListener.bind(signal);
    signal.addEventListener = (...given: Parameters<typeof add>) => { listeners += 1; add(...given); };
    signal.removeEventListener = (...given: Parameters<typeof remove>) => { listeners -= 1; remove(...given); };
    for (let count = 0; count < 3; count++) {
      const { watch } = open(signal, (feed) => feed.push(one));
      await watch.next();
      await watch.return?.();
    }
    expect(listeners).toBe(0);
  });
});
