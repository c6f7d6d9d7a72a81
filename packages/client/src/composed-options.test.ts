import { gzip } from '@rpcxjs/compress-gzip';
import { contract, jsonCodec, unary, type Dialer } from '@rpcxjs/core';
import { describe, expect, it } from 'vitest';
import { createClient } from './client.ts';
import type { ClientOptions } from './client-options.ts';
import { failover } from './fail-modes/failover.ts';
import type { ServiceOptions } from './typed-service.ts';

const transports: readonly Dialer[] = [{ networks: ['memory'], dial: () => Promise.reject(new Error('refused')) }];
const names = 'failMode, selector, servers, discovery, codecs, compressors, token, intercept, plugins, requireDeadline, headers, mapError, transports, timeoutMs, retryBudget, health, filters, limits, heartbeat, pool, queue, flush, reconnect, outstanding, logger, clock';
const roundRobin = (): object => ({});

describe('an option that is composed of values', () => {
  it.each([
    [{ failMode: failover }, 'failMode is the function failover: it takes an object with the function next, for example failover()'],
    [{ failMode: 'failover' }, 'failMode is "failover": it takes an object with the function next, for example failover()'],
    [{ selector: roundRobin }, 'selector is the function roundRobin: it takes an object with the function build, for example roundRobin()'],
    [{ selector: {} }, 'selector is an object of another kind: it takes an object with the function build, for example roundRobin()'],
    [{ servers: undefined, discovery: ['memory@a'] }, "discovery is an object of another kind: it takes an object with the function watch, for example fixed(['tcp@host:port'])"],
    [{ plugins: {} }, 'plugins is an object of another kind: it takes a list'],
    [{ plugins: [undefined] }, 'plugins[0] is undefined: it takes an object with a name and hooks'],
    [{ clock: 'x' }, 'clock is "x": it takes an object with the functions now, wallTime, random, setTimer, or nothing'],
    [{ logger: {} }, 'logger is an object of another kind: it takes an object with the functions debug, info, warn, error, or nothing'],
    [{ limits: { maxFrameBytes: 0 } }, 'limits.maxFrameBytes is 0: it takes a number from 1 on'],
    [{ heartbeat: { idleMs: -1 } }, 'heartbeat.idleMs is -1: it takes milliseconds that are not negative'],
    [{ heartbeat: { idlMs: 1 } }, 'heartbeat has no option "idlMs": it takes busyMs, idleMs, answerMs, leastSilenceMs, idleTimeoutMs'],
    [{ transports: () => 1 }, "transports is the function transports: a client takes a list of what it can dial with, for example { servers: 'tcp@127.0.0.1:8972', transports: [tcp()] }"],
    [{ intercept: () => 1 }, 'intercept is the function intercept: it takes a list'],
    [{ plugins: [{ name: 'a' }, {}] }, 'plugins[1] is an object of another kind: it takes an object with a name and hooks'],
    [{ codecs: [undefined] }, 'codecs[0] is undefined: it takes an object with the functions encode and decode, for example msgpack'],
    [{ codecs: jsonCodec }, 'codecs is an object of another kind: it takes a list'],
    [{ compressors: gzip() }, 'compressors is an object of another kind: it takes a list'],
    [{ compressors: gzip }, 'compressors is the function gzip: it takes a list'],
    [{ compressors: [{}] }, 'compressors[0] is an object of another kind: it takes an object with the functions compress and decompress, for example gzip()'],
    [{ compressors: [{ ...gzip(), id: 9 }] }, 'the compressor "gzip" has the number 9: rpcx has room for 0 to 7'],
    [{ token: 5 }, 'token is 5: it takes a text, or a function that returns one'],
    [{ mapError: 5 }, 'mapError is 5: it takes a function'],
    [{ filters: 5 }, 'filters is 5: it takes an object with some of outgoing, incoming'],
    [{ filters: { out: () => true } }, 'filters has no option "out": it takes outgoing, incoming'],
    [{ filters: { incoming: true } }, 'filters.incoming is true: it takes a function'],
    [{ headers: () => 1 }, 'headers is the function headers: it takes a list'],
    [{ headers: ['x'] }, 'headers[0] is "x": it takes a function'],
    [{ servers: 5 }, "servers is 5: it takes 'tcp@host:port', or a list of them"],
    [{ servers: [5] }, "servers is an object of another kind: it takes 'tcp@host:port', or a list of them"],
    [{ requireDeadline: 'no' }, 'requireDeadline is "no": it takes true or false'],
    [{ timeoutMs: '50' }, 'timeoutMs is "50": it takes milliseconds above 0, or Infinity for no limit'],
    [{ retryBudget: { ratios: 1 } }, 'retryBudget has no option "ratios": it takes ratio, perSecond'],
    [{ retryBudget: null }, 'retryBudget is null: it takes an object with some of ratio, perSecond'],
    [{ retryBudget: { ratio: '1' } }, 'retryBudget.ratio is "1": it takes a share from 0 to 1'],
    [{ retryBudget: { perSecond: '1' } }, 'retryBudget.perSecond is "1": it takes a number that is not negative'],
    [{ health: { ejection: 5 } }, 'health has no option "ejection": it takes consecutiveFailures, ejectionMs, maxEjectionMs, maxEjectedShare, intervalMs, minimumCalls, leastGap, deviations'],
    [{ timeout: 5 }, `createClient has no option "timeout": it takes ${names}`],
  ])('says what to pass when it gets %o', (wrong, message) => {
    expect(() => createClient({ servers: 'memory@a', transports, ...(wrong as Partial<ClientOptions>) })).toThrow(new TypeError(message));
  });

  it('or is not there at all', () => {
    for (const wrong of [undefined, null, {}, { servers: 'tcp@a:1' }, { servers: 'tcp@a:1', transports: [undefined] }]) {
      expect(() => createClient(wrong as never)).toThrow(TypeError);
      expect(() => createClient(wrong as never)).toThrow('a client takes a list of what it can dial with');
    }
  });

  it('of close() and ping() is looked at before anything ends', async () => {
    const client = createClient({ servers: 'memory@a', transports });
    await expect(client.close({ graceMs: '50' as never })).rejects.toThrow('graceMs is "50": it takes milliseconds that are not negative');
    expect(() => client.quarantine('memory@a', '50' as never)).toThrow('the time of a quarantine is "50": ');
    for (const wrong of ['x', 5, null]) await expect(client.close(wrong as never)).rejects.toThrow(/^close got .*it takes an object of milliseconds, for example \{ graceMs: 5000 \}, or nothing$/);
    await expect(client.close({ grace: 5 } as object)).rejects.toThrow(new TypeError('close has no option "grace": it takes graceMs'));
    await expect(client.ping('memory@a', { timeout: 5 } as object)).rejects.toThrow(new TypeError('ping has no option "timeout": it takes timeoutMs'));
    await client.close();
  });

  it('of a service is looked at when the service is made', async () => {
    const client = createClient({ servers: 'memory@a', transports });
    expect(() => client.service('S', { failMode: failover } as unknown as ServiceOptions)).toThrow('failMode is the function failover: ');
    expect(() => client.service('S', { selector: 'random' } as unknown as ServiceOptions)).toThrow('selector is "random": ');
    const wrong: [object, string][] = [
      [{ idempotent: 'Echo' }, 'idempotent is "Echo": it takes a list'],
      [{ idempotent: [5] }, 'idempotent[0] is 5: it takes a text'],
      [{ group: 5 }, 'group is 5: it takes a text'],
      [{ path: null }, 'path is null: it takes a text'],
      [{ timeoutMs: 5 }, 'service has no option "timeoutMs": it takes failMode, selector, path, group, codec, idempotent'],
    ];
    for (const [options, message] of wrong) expect(() => client.service('S', options)).toThrow(new TypeError(message));
    expect(() => client.service(contract('S', { Find: unary<void, void>() }), { idempotent: ['Find', 'Fnd' as 'Find'] })).toThrow(new TypeError('idempotent is "Fnd": it takes methods of S: Find'));
    for (const first of [undefined, null, 5, {}, { name: 'S' }]) expect(() => client.service(first as never)).toThrow(/^the service is .*: it takes a name or a contract$/);
    expect(() => client.service('S', null as never)).toThrow('service is null: it takes an object with some of ');
    await client.close();
  });
});
