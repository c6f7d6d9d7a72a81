import { describe, expect, it } from 'vitest';
import type { ClientOptions } from './client-options.ts';
import { resolveClientOptions } from './resolved-options.ts';
import { linkRules, queueDefaults, reconnectDefaults } from './link-options.ts';

const transports: ClientOptions['transports'] = [{ networks: ['memory'], dial: () => Promise.reject(new Error('never')) }];
const resolve = (options: Partial<ClientOptions>) => resolveClientOptions({ servers: 'memory@x', transports, ...options });

describe('the rules of links', () => {
  it('are one connection, one long queue and quick returns by default', () => {
    const { link, limits, session } = resolve({});
    expect(link).toEqual({
      pool: { connections: 1, max: 1, grow: 'never', busyAt: 100, idleMs: 60_000, initial: 1, maxDials: 4, connectTimeoutMs: 10_000, autoConnect: true },
      queue: queueDefaults,
      reconnect: reconnectDefaults,
      maxOutstanding: 655_360,
    });
    expect([limits.maxQueuedCalls, session.flush]).toEqual([65_536, undefined]);
  });

  it('M06: count a server of a short queue as busy at three quarters of it', () => {
    expect(linkRules({ queue: { max: 8 } }, undefined).pool.busyAt).toBe(6);
    expect(linkRules({ queue: { max: 1 } }, undefined).pool.busyAt).toBe(1);
    expect(linkRules({ queue: { max: 0 } }, undefined).maxOutstanding).toBe(10);
  });

  it('know one limit by two names', () => {
    expect(resolve({ queue: { max: 7 } }).limits.maxQueuedCalls).toBe(7);
    expect(resolve({ limits: { maxQueuedCalls: 8 } }).link.queue.max).toBe(8);
    expect(resolve({ limits: { maxQueuedCalls: 8 }, queue: { max: 8, overflow: 'wait' } }).link.queue).toEqual({ ...queueDefaults, max: 8, overflow: 'wait' });
    expect(() => resolve({ limits: { maxQueuedCalls: 8 }, queue: { max: 7 } })).toThrow('queue.max is 7 and limits.maxQueuedCalls 8: they are the same limit; give one of them');
  });

  it('take undefined for the default', () => {
    expect(resolve({ pool: { connections: undefined, max: undefined, idleMs: undefined, initial: undefined }, queue: { max: undefined }, reconnect: { maxMs: undefined }, outstanding: { max: undefined }, flush: { delayMs: undefined } }).link).toEqual(resolve({}).link);
    expect(resolve({ pool: { connections: 2, grow: 'busy' } }).link.pool).toMatchObject({ connections: 2, max: 4, initial: 2 });
  });

  const wrong: [Partial<ClientOptions>, string][] = [
    [{ pool: { connections: 0 } }, 'pool.connections is 0: it takes a whole number, 1 at least'],
    [{ pool: { connections: 1.5 } }, 'pool.connections is 1.5'],
    [{ pool: { connections: Infinity } }, 'pool.connections is Infinity'],
    [{ pool: { connections: 3, max: 2 } }, 'pool.max is 2 and pool.connections 3'],
    [{ pool: { max: 2 } }, "set pool.grow: 'busy'"],
    [{ pool: { grow: 'always' as never } }, "pool.grow is \"always\": it takes 'never', 'busy'"],
    [{ pool: { busyAt: 0 } }, 'pool.busyAt is 0: it takes a number from 1 on'],
    [{ pool: { idleMs: -1 } }, 'pool.idleMs is -1: it takes a number from 0 on'],
    [{ pool: { idleMs: Number.NaN } }, 'pool.idleMs is NaN'],
    [{ pool: { initial: 2 } }, 'pool.initial is 2, and pool.max is 1'],
    [{ pool: { initial: { 'memory@x': -1 } } }, "pool.initial['memory@x'] is -1"],
    [{ pool: { initial: { 'nonsense@': 1 } } }, 'nonsense@'],
    [{ pool: { maxDials: 0 } }, 'pool.maxDials is 0'],
    [{ pool: { connectTimeoutMs: 0 } }, 'pool.connectTimeoutMs is 0'],
    [{ pool: { connections: '2' as never } }, 'pool.connections is "2": it takes a whole number'],
    [{ queue: { max: -1 } }, 'queue.max is -1'],
    [{ queue: { maxBytes: Number.NaN } }, 'queue.maxBytes is NaN'],
    [{ queue: { overflow: 'drop-newest' as never } }, "queue.overflow is \"drop-newest\": it takes 'reject', 'drop-oldest', 'wait'"],
    [{ queue: { whileDown: 'wait' as never } }, "queue.whileDown is \"wait\": it takes 'fail', 'keep'"],
    [{ reconnect: { factor: 0.5 } }, 'reconnect.factor is 0.5: it takes a number from 1 on'],
    [{ reconnect: { jitter: 2 } }, 'reconnect.jitter is 2: it takes a number from 0 to 1'],
    [{ reconnect: { maxMs: '5 s' as never } }, 'reconnect.maxMs is "5 s": it takes a number from 0 on'],
    [{ outstanding: { max: 0 } }, 'outstanding.max is 0'],
    [{ flush: { delayMs: -2 } }, 'flush.delayMs is -2'],
    [{ pool: { conections: 2 } as never }, 'pool has no option "conections": it takes connections, '],
    [{ pool: null as never }, 'pool is null: it takes an object with some of connections, '],
    [{ pool: { autoConnect: 'no' as never } }, 'pool.autoConnect is "no": it takes true or false'],
    [{ pool: { initial: null as never } }, 'pool.initial is null: it takes a whole number, 0 at least'],
    [{ queue: { length: 2 } as never }, 'queue has no option "length": it takes max, maxBytes, overflow, whileDown'],
    [{ queue: 5 as never }, 'queue is 5: it takes an object with some of max, '],
    [{ reconnect: { initial: 2 } as never }, 'reconnect has no option "initial": it takes initialMs, factor, '],
    [{ reconnect: [] as never }, 'reconnect is an object of another kind: it takes an object with some of '],
    [{ outstanding: { most: 2 } as never }, 'outstanding has no option "most": it takes max'],
    [{ flush: { delay: 2 } as never }, 'flush has no option "delay": it takes delayMs, maxMessages, maxBytes'],
    [{ flush: null as never }, 'flush is null: it takes an object with some of delayMs, '],
    [{ flush: { delayMs: '5' as never } }, 'flush.delayMs is "5": it takes milliseconds, '],
    [{ flush: { maxBytes: '5' as never } }, 'flush.maxBytes is "5": it takes a number from 1 on'],
    [{ flush: { maxMessages: '5' as never } }, 'flush.maxMessages is "5": it takes a number from 1 on'],
  ];
  it.each(wrong)('refuse %o', (options, message) => {
    expect(() => resolve(options)).toThrow(TypeError);
    expect(() => resolve(options)).toThrow(message);
  });
});
