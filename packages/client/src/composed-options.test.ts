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
    [{ intercept: () => 1 }, 'intercept is the function intercept: it takes a list'],
  ])('says what to pass when it gets %o', (wrong, message) => {
    expect(() => createClient({ servers: 'memory@a', transports, ...(wrong as Partial<ClientOptions>) })).toThrow(new TypeError(message));
  });

  it('of a service is looked at when the service is made', async () => {
    const client = createClient({ servers: 'memory@a', transports });
    expect(() => client.service('S', { failMode: failover } as unknown as ServiceOptions)).toThrow('failMode is the function failover: ');
    expect(() => client.service('S', { selector: 'random' } as unknown as ServiceOptions)).toThrow('selector is "random": ');
    await client.close();
  });
});
