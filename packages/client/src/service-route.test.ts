import { RpcError, sleep, type Discovery, type Picker, type Selector, type ServiceInstance } from '@rpcxjs/core';
import { manualClock } from '@rpcxjs/testing';
import { describe, expect, it, vi } from 'vitest';
import { call, options } from '../test/calls.ts';
import { deferred, recordingLogger, settled, until } from '../test/fake-server.ts';
import type { ClientOptions } from './client-options.ts';
import type { OutboundCall } from './outbound-call.ts';
import type { ServerLink } from './server-link.ts';
import { ServiceRoute } from './service-route.ts';

const at = (name: string, metadata: ServiceInstance['metadata'] = {}): ServiceInstance => ({ address: `memory@${name}`, metadata });
type Step = readonly ServiceInstance[] | Error;

/** A discovery that a test feeds. */
function script(): Discovery & { say(step: Step): void; watches: number } {
  const steps: Step[] = [];
  let wake = deferred();
  const one = {
    watches: 0,
    say(step: Step) { steps.push(step); wake.resolve(); },
    async *watch(_service: string, { signal }: { readonly signal?: AbortSignal | undefined }) {
      one.watches += 1;
      signal?.addEventListener('abort', () => wake.resolve());
      while (signal?.aborted !== true) {
        const step = steps.shift();
        if (step instanceof Error) throw step;
        if (step !== undefined) yield step;
        else { wake = deferred(); await wake.promise; }
      }
    },
  };
  return one;
}

/** A route whose links only note what they are given. */
function open(given: Partial<ClientOptions>, traits: { readonly selector?: Selector; readonly group?: string; readonly stopped?: boolean } = {}) {
  const resolved = options(given.discovery === undefined ? given : { ...given, servers: undefined });
  const sent: string[] = [];
  const failed: (RpcError | undefined)[] = [];
  const failing = new Set<string>();
  const links = new Map<string, ServerLink>();
  const linkOf = (address: string): ServerLink => {
    const link = { address, get failing() { return failing.has(address); }, send: (one: OutboundCall) => void sent.push(`${address.slice(7)}:${one.method}`) } as unknown as ServerLink; // as far as a route knows it
    if (!links.has(address)) links.set(address, link);
    return links.get(address) ?? link;
  };
  const awake = new Set<ServiceRoute>();
  const rested = vi.fn();
  const route = new ServiceRoute('S', resolved, { selector: traits.selector, group: traits.group, rested }, { nodes: undefined, stopped: () => traits.stopped === true, awake, linkOf, left() {}, failed: (one, error) => { one.settled = true; failed.push(error); } });
  const send = (method: string = 'm', change: (one: OutboundCall) => void = () => {}): OutboundCall => {
    const one = call(resolved, method);
    change(one);
    route.send(one, 0);
    return one;
  };
  return { route, send, sent, failed, failing, awake, rested, end: () => route.close(new RpcError('canceled', 'over', { reason: 'CLOSED' })) };
}

describe('a list of servers', () => {
  it('is gone through in turn and in order, without those that fail or failed this call', () => {
    const { send, sent, failing } = open({ servers: ['memory@c', 'memory@a', 'memory@b', 'memory@a'] });
    for (let index = 0; index < 4; index++) send();
    expect(sent.splice(0)).toEqual(['a:m', 'b:m', 'c:m', 'a:m']);
    failing.add('memory@b');
    for (let index = 0; index < 4; index++) send();
    expect(sent.splice(0).map(([first]) => first)).toEqual(['c', 'a', 'c', 'a']);
    send('again', (one) => { one.told.failures = [{ address: 'memory@c', error: new RpcError('unavailable', 'x'), durationMs: 0 }]; });
    expect(sent.splice(0)).toEqual(['a:again']);
  });

  it('is not gone through for an attempt that its fail mode wants on the same server, as long as that is known', () => {
    const { send, sent } = open({ servers: ['memory@a', 'memory@b', 'memory@c'] });
    const after = (name: string) => (one: OutboundCall): void => {
      one.told.failures = [{ address: 'memory@c', error: new RpcError('unavailable', 'x'), durationMs: 0 }, { address: `memory@${name}`, error: new RpcError('unavailable', 'x'), durationMs: 0 }];
      one.told.again = 'same';
    };
    for (let index = 0; index < 3; index++) send('again', after('b'));
    expect(sent.splice(0)).toEqual(['b:again', 'b:again', 'b:again']);
    send('again', after('gone'));
    expect(sent).toEqual(['a:again']);
  });

  it('of which none is good is used all the same: one of them may be back', () => {
    const { send, sent, failing } = open({ servers: ['memory@a', 'memory@b'] });
    failing.add('memory@a').add('memory@b');
    for (let index = 0; index < 4; index++) send();
    expect(sent).toHaveLength(4);
  });
});

describe('a discovery', () => {
  it('is waited for by calls, which go in the order of their coming, without those that ended', async () => {
    const discovery = script();
    const { send, sent, end } = open({ discovery });
    send('a');
    send('b').settled = true;
    send('c');
    discovery.say([at('x')]);
    await until(() => sent.length === 2);
    expect(sent).toEqual(['x:a', 'x:c']);
    end();
  });

  it.each([['REGISTRY_REFUSED', 'REGISTRY_REFUSED'], ['TIMEOUT', 'NO_INSTANCE']])('that fails with %s before there is a list fails calls with %s, and with its words', async (said, reason) => {
    const discovery = script();
    const { send, failed, end } = open({ discovery });
    send('a');
    const cause = new RpcError('unauthenticated', 'etcd at a:1 cannot list /rpcx/S/: no user', { reason: said as never });
    discovery.say(cause);
    await until(() => failed.length === 1);
    expect(failed[0]).toMatchObject({ code: 'unavailable', reason, sent: false, cause, message: `the servers of "S" cannot be found: ${cause.message}` });
    end();
  });

  it('is not asked for a route that is made when the client has ended', async () => {
    const discovery = script();
    const { send, sent, failed } = open({ discovery }, { stopped: true });
    send('a');
    await settled();
    expect([sent, discovery.watches]).toEqual([[], 0]);
    expect(failed).toMatchObject([{ code: 'canceled', reason: 'CLOSED' }]);
  });

  it('that fails is asked again later and later, its warning names the service, and a good list counts as a new start', async () => {
    const clock = manualClock();
    const discovery = script();
    const logger = recordingLogger();
    const { send, sent, failed, end } = open({ discovery, clock, logger });
    send('a');
    discovery.say(new Error('no quorum'));
    await until(() => failed.length === 1);
    expect(failed[0]).toMatchObject({ code: 'unavailable', reason: 'NO_INSTANCE', sent: false, message: 'the servers of "S" cannot be found: no quorum' });
    send('at once');
    expect(failed).toHaveLength(2);
    expect(logger.lines).toMatchObject([{ fields: { service: 'S' }, message: 'the discovery of "S" failed and is asked again; calls fail until it answers: no quorum' }]);
    await clock.advanceAsync(100);
    expect(discovery.watches).toBe(2);
    // One warning until it speaks.
    discovery.say(new Error('still no quorum'));
    await settled();
    await clock.advanceAsync(300);
    expect([discovery.watches, logger.lines.length]).toEqual([3, 1]);
    discovery.say([at('x')]);
    await settled();
    send('b');
    discovery.say(new Error('gone'));
    await until(() => logger.lines.length === 2);
    send('c');
    expect(sent).toEqual(['x:b', 'x:c']);
    end();
    await clock.advanceAsync(10_000);
    expect([discovery.watches, clock.pending]).toEqual([3, 0]);
  });

  it('that finds nobody says how many there are, and how many of them are active', async () => {
    const discovery = script();
    const { send, failed, end } = open({ discovery });
    discovery.say([at('x', { state: 'inactive' })]);
    await settled();
    send();
    expect(failed[0]).toMatchObject({ code: 'unavailable', reason: 'NO_INSTANCE', sent: false, message: expect.stringContaining('no instance of "S" (1 listed, 0 active): all of them are inactive') as string });
    end();
  });

  it.each([
    [{ group: 'blue' }, undefined, true], [{ group: 'blue' }, 'blue', true], [{ group: ['red', 'blue'] }, 'blue', true], [{ group: 'red' }, 'blue', false], [{}, 'blue', false],
    [{ state: 'inactive' }, undefined, false], [{ state: ['inactive', 'active'] }, undefined, false], [{ state: 'active' }, undefined, true],
  ])('with an instance %j is good for group %s: %s', async (metadata, group, good) => {
    const discovery = script();
    const { send, sent, failed, end } = open({ discovery }, group === undefined ? {} : { group });
    discovery.say([at('x', metadata)]);
    await settled();
    send();
    expect([sent.length, failed.length]).toEqual(good ? [1, 0] : [0, 1]);
    end();
  });

  it('that ends has said its last word, and one that comes too late changes nothing', async () => {
    const last: Discovery = { async *watch() { yield [at('x')]; } };
    const one = open({ discovery: last });
    await settled();
    one.send();
    expect(one.sent).toEqual(['x:m']);
    const discovery = script();
    const { send, sent, failed, end } = open({ discovery });
    end();
    discovery.say([at('x')]);
    await settled();
    send();
    expect([sent, failed.map((error) => error?.reason)]).toEqual([[], ['CLOSED']]);
  });
});

describe('a service that nobody offers', () => {
  it('is watched no longer a minute after its last call, and again from the next one on', async () => {
    const clock = manualClock();
    const discovery = script();
    const { send, sent, failed, awake, rested, end } = open({ discovery, clock });
    send('early');
    discovery.say([]);
    await settled();
    expect([failed.length, failed[0]?.reason, awake.size]).toEqual([1, 'NO_INSTANCE', 1]);
    await clock.advanceAsync(50_000);
    send('later');
    expect(failed).toHaveLength(2);
    await clock.advanceAsync(59_999);
    expect([rested.mock.calls.length, awake.size]).toEqual([0, 1]);
    await clock.advanceAsync(1);
    expect([rested.mock.calls.length, awake.size, clock.pending]).toEqual([1, 0, 0]);
    send('again');
    expect([failed.length, awake.size]).toEqual([2, 1]);
    discovery.say([at('a')]);
    await until(() => sent.length === 1);
    expect([sent, discovery.watches]).toEqual([['a:again'], 2]);
    await clock.advanceAsync(600_000);
    expect([rested.mock.calls.length, clock.pending]).toEqual([1, 0]);
    discovery.say([]);
    await settled();
    await clock.advanceAsync(60_000);
    expect(rested, 'those that were there stayed away').toHaveBeenCalledTimes(2);
    end();
    expect(clock.pending).toBe(0);
  });

  it('is watched no longer either when its discovery only fails, once no call waits for the first list', async () => {
    const clock = manualClock();
    let [watches, isAway] = [0, false];
    const discovery: Discovery = {
      // oxlint-disable-next-line require-yield -- it has nothing to say
      async *watch(_service, { signal }) {
        watches += 1;
        while (!isAway && signal?.aborted !== true) await sleep(clock, 1000, signal);
        throw new Error('away');
      },
    };
    const { send, failed, rested, end } = open({ discovery, clock, logger: recordingLogger() });
    send('waits');
    await clock.advanceAsync(120_000);
    expect([rested.mock.calls.length, failed.length, watches]).toEqual([0, 0, 1]);
    isAway = true;
    await clock.advanceAsync(120_000);
    expect([rested.mock.calls.length, failed.length, clock.pending]).toEqual([1, 1, 0]);
    const before = watches;
    await clock.advanceAsync(60_000);
    expect(watches).toBe(before);
    end();
    send('over');
    expect([failed.at(-1)?.reason, clock.pending]).toEqual(['CLOSED', 0]);
  });
});

describe('a selector', () => {
  const first = (instances: readonly ServiceInstance[]): Picker => ({ pick: () => instances[0] && { instance: instances[0] } });

  it('gets its own picker back with each new list, and plugins wrap each of them once', async () => {
    const discovery = script();
    const previous: unknown[] = [];
    const built: Picker[] = [];
    let wraps = 0;
    const selector: Selector = { name: 's', build: (instances, before) => { previous.push(before); const picker = first(instances); built.push(picker); return picker; } };
    const wrapPicker = (inner: Picker): Picker => { wraps += 1; return { pick: (call_) => inner.pick(call_) }; };
    const { send, sent, end } = open({ discovery, plugins: [{ name: 'p', wrapPicker }] }, { selector });
    discovery.say([at('x')]);
    await settled();
    discovery.say([at('y')]);
    await settled();
    expect([previous[0], previous[1] === built[0]]).toEqual([undefined, true]);
    expect(wraps).toBe(2);
    send();
    expect(sent).toEqual(['y:m']);
    end();
  });

  it('that picks nobody leaves the call without a server', async () => {
    const { send, failed } = open({ servers: ['memory@a'] }, { selector: { name: 's', build: () => ({ pick: () => undefined }) } });
    send();
    expect(failed[0]).toMatchObject({ reason: 'NO_INSTANCE', message: expect.stringContaining('(1 listed, 1 active): the selector chose none of them') as string });
  });

  it('that throws when it gets a list is logged, and servers are taken in turn until it builds again', async () => {
    const discovery = script();
    const logger = recordingLogger();
    let broken = true;
    const build = (instances: readonly ServiceInstance[]): Picker => { if (broken) throw new Error('no weights'); return first(instances); };
    const { send, sent, failed, end } = open({ discovery, logger }, { selector: { name: 's', build } });
    send('waits');
    discovery.say([at('x'), at('y')]);
    await until(() => sent.length === 1);
    send('then');
    expect([sent.splice(0), failed, logger.lines.length]).toEqual([['x:waits', 'y:then'], [], 1]);
    broken = false;
    discovery.say([at('y'), at('z')]);
    await settled();
    send('a');
    send('b');
    expect(sent).toEqual(['y:a', 'y:b']);
    end();
  });

  it('that picks a server which is not in the list, or left it, is warned once, and another one is taken', async () => {
    const gone = { address: 'memory@gone', metadata: {} };
    const logger = recordingLogger();
    const { send, sent, failed } = open({ servers: ['memory@a', 'memory@b'], logger }, { selector: { name: 's', build: () => ({ pick: () => ({ instance: gone }) }) } });
    for (const method of ['1', '2', '3']) send(method);
    expect([sent, failed]).toEqual([['a:1', 'b:2', 'a:3'], []]);
    expect(logger.lines).toHaveLength(1);
  });
});
