import { describe, expect, it } from 'vitest';
import { SessionLosses } from './session-losses.ts';

function started() {
  const [closed, watch] = [new AbortController(), new AbortController()];
  const losses = new SessionLosses(closed.signal);
  const told = losses.watch({ signal: watch.signal });
  return { closed, watch, losses, told };
}

describe('the losses of a session', () => {
  it('are told one after the other, and those that come while nobody looks once', async () => {
    const { losses, told } = started();
    const first = told.next();
    losses.tell();
    expect(await first).toEqual({ done: false, value: undefined });
    losses.tell();
    losses.tell();
    expect(await told.next()).toEqual({ done: false, value: undefined });
    let more = 0;
    const third = told.next().then(() => (more += 1));
    await new Promise(setImmediate);
    expect(more).toBe(0);
    losses.tell();
    await third;
    await told.return();
  });

  it('reach everybody who watches', async () => {
    const { losses, told, watch } = started();
    const other = losses.watch({ signal: watch.signal });
    const both = Promise.all([told.next(), other.next()]);
    losses.tell();
    expect((await both).map(({ done }) => done)).toEqual([false, false]);
    await Promise.all([told.return(), other.return()]);
  });

  it('end when the store is closed, also for who comes later', async () => {
    const { losses, told, closed, watch } = started();
    const waiting = told.next();
    closed.abort();
    expect((await waiting).done).toBe(true);
    expect((await losses.watch({ signal: watch.signal }).next()).done).toBe(true);
  });

  it('reject with the reason of the signal', async () => {
    const { told, watch } = started();
    const waiting = told.next();
    watch.abort(new Error('enough'));
    await expect(waiting).rejects.toThrow('enough');
  });
});
