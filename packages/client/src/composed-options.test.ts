import type { Dialer } from '@rpcxjs/core';
import { describe, expect, it } from 'vitest';
import { createClient } from './client.ts';
import type { ClientOptions } from './client-options.ts';
import { failover } from './fail-modes/failover.ts';
import type { ServiceOptions } from './typed-service.ts';

const transports: readonly Dialer[] = [{ networks: ['memory'], dial: () => Promise.reject(new Error('refused')) }];
const roundRobin = (): object => ({});

describe('an option that is composed of values', () => {
  it.each([
    [{ failMode: failover }, 'failMode is the function failover: it takes an object with the function next, for example failover()'],
    [{ failMode: 'failover' }, 'failMode is "failover": it takes an object with the function next, for example failover()'],
    [{ selector: roundRobin }, 'selector is the function roundRobin: it takes an object with the function build, for example roundRobin()'],
    [{ selector: {} }, 'selector is an object of another kind: it takes an object with the function build, for example roundRobin()'],
    [{ servers: undefined, discovery: ['memory@a'] }, "discovery is an object of another kind: it takes an object with the function watch, for example fixed(['tcp@host:port'])"],
    [{ plugins: {} }, 'plugins is an object of another kind: it takes a list'],
    [{ plugins: [undefined] }, 'one of the plugins is undefined: it takes an object with hooks'],
    [{ clock: 'x' }, 'clock is "x": it takes an object with the functions now, wallTime, random, setTimer, or nothing'],
    [{ logger: {} }, 'logger is an object of another kind: it takes an object with the functions debug, info, warn, error, or nothing'],
    [{ limits: { maxFrameBytes: 0 } }, 'limits.maxFrameBytes is 0: it takes a number from 1 on'],
    [{ heartbeat: { idleMs: -1 } }, 'heartbeat.idleMs is -1: it takes milliseconds that are not negative'],
    [{ heartbeat: { idlMs: 1 } }, 'heartbeat has no "idlMs" (it has: busyMs, idleMs, answerMs, leastSilenceMs, idleTimeoutMs)'],
    [{ transports: () => 1 }, "transports is the function transports: a client takes a list of what it can dial with, for example { servers: 'tcp@127.0.0.1:8972', transports: [tcp()] }"],
    [{ intercept: () => 1 }, 'intercept is the function intercept: it takes a list'],
  ])('says what to pass when it gets %o', (wrong, message) => {
    expect(() => createClient({ servers: 'memory@a', transports, ...(wrong as Partial<ClientOptions>) })).toThrow(new TypeError(message));
  });

  it('or is not there at all', () => {
    for (const wrong of [undefined, null, {}, { servers: 'tcp@a:1' }, { servers: 'tcp@a:1', transports: [undefined] }]) {
      expect(() => createClient(wrong as never)).toThrow(TypeError);
      expect(() => createClient(wrong as never)).toThrow('a client takes a list of what it can dial with');
    }
  });

  it('of close() is looked at before anything ends', async () => {
    const client = createClient({ servers: 'memory@a', transports });
    for (const wrong of ['x', 5, null]) await expect(client.close(wrong as never)).rejects.toThrow(/^close got .*it takes an object of milliseconds, for example \{ graceMs: 5000 \}, or nothing$/);
    await client.close();
  });

  it('of a service is looked at when the service is made', async () => {
    const client = createClient({ servers: 'memory@a', transports });
    expect(() => client.service('S', { failMode: failover } as unknown as ServiceOptions)).toThrow('failMode is the function failover: ');
    expect(() => client.service('S', { selector: 'random' } as unknown as ServiceOptions)).toThrow('selector is "random": ');
    await client.close();
  });
});
