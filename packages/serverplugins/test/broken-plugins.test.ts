import { clientPluginCases, serverPluginCases, type PluginCasesOptions } from '@rpcxjs/conformance';
import { createMetadata, RpcError, type ClientPlugin, type Connection, type Reply, type ServerPlugin } from '@rpcxjs/core';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { pluginRig } from './plugin-rig.ts';

const onServer: PluginCasesOptions<ServerPlugin>['start'] = (plugins, service) => pluginRig(service, { server: { plugins } });
const onClient: PluginCasesOptions<ClientPlugin>['start'] = (plugins, service) => pluginRig(service, { client: { plugins } });

/** The names of the cases that fail, with the sentence of each. */
async function complaints(cases: ReturnType<typeof serverPluginCases>): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  for (const one of cases) {
    try {
      await one.run();
    } catch (error) {
      found.set(one.name, (error as Error).message);
    }
  }
  return found;
}

/** The one case of that rule, as the others may fail as well. */
function of(rule: string, cases: ReturnType<typeof serverPluginCases>): ReturnType<typeof serverPluginCases> {
  return cases.filter(({ name }) => name.startsWith(`plugin: ${rule}`));
}

const never = new Promise<never>(() => {});
const twice = { runsOnce: false, quick: false } as const;

describe('server plugins that break a rule', () => {
  it.each<[string, string, Omit<ServerPlugin, 'name'>]>([
    ['answers for the handler', 'values pass through', { intercept: () => () => ({ output: 1, metadata: {} }) }],
    ['calls next twice', 'a call is run once', { intercept: (next) => async (call) => { await next(call); return next(call); } }],
    ['loses the metadata of the reply', 'metadata passes through', { intercept: (next) => async (call) => { const { output } = await next(call); for (const key of Object.keys(call.responseMetadata)) delete call.responseMetadata[key]; return { output, metadata: createMetadata() }; } }],
    ['wraps errors', 'an error passes through', { intercept: (next) => async (call) => { try { return await next(call); } catch (error) { throw new RpcError('internal', 'it went wrong', { cause: error }); } } }],
    ['swallows one-way calls', 'a one-way call is run', { intercept: (next) => (call) => (call.oneway ? { output: undefined, metadata: {} } : next(call)) }],
    ['waits for ever in acceptConnection', 'acceptConnection answers', { acceptConnection: () => never }],
    ['starts what it accepts', 'acceptConnection answers', { acceptConnection: (connection: Connection) => { connection.start({ data() {}, drain() {}, closed() {} }); return connection; } }],
    ['takes it that every peer has an address', 'acceptConnection answers', { acceptConnection: (connection: Connection) => { if (connection.remote?.host.length === undefined) throw new TypeError('no host'); return connection; } }],
    ['stops twice badly', 'stop() settles', { stop: () => never }],
    ['chokes on names', 'observers take', { frameRead: ({ service }) => { if (service === '') throw new Error('who?'); } }],
    ['swallows pushes', 'a push passes', { interceptPush: () => () => {} }],
    ['is slow', 'calls are as quick', { intercept: (next) => async (call) => { await sleep(10); return next(call); } }],
  ])('one that %s', async (_, rule, hooks) => {
    const found = await complaints(of(rule, serverPluginCases({ create: () => ({ name: 'broken', ...hooks }), start: onServer, deadlineMs: 600 })));
    expect([...found.values()]).toHaveLength(1);
  });

  it('one that is fine breaks none, and what it says of itself is believed', async () => {
    const cases = serverPluginCases({ create: () => ({ name: 'fine', intercept: (next) => (call) => next(call) }), start: onServer });
    expect([...(await complaints(cases))]).toEqual([]);
    const again: ServerPlugin = { name: 'again', intercept: (next) => async (call) => { await next(call); return next(call); } };
    const lenient = serverPluginCases({ create: () => again, start: onServer, supports: twice });
    expect(lenient.filter(({ skip }) => skip !== undefined).map(({ name }) => name)).toEqual(['plugin: a call is run once', 'plugin: calls are as quick as without it']);
    expect([...(await complaints(lenient))]).toEqual([]);
  });
});

describe('client plugins that break a rule', () => {
  it.each<[string, string, Omit<ClientPlugin, 'name'>]>([
    ['answers by itself', 'values pass through', { intercept: () => (): Reply => ({ output: 1, metadata: {} }) }],
    ['tries again what worked', 'a call is run once', { intercept: (next) => async (call) => { await next(call); return next(call); } }],
    ['drops the metadata', 'metadata passes through', { interceptAttempt: (next) => (call) => { for (const key of Object.keys(call.metadata)) delete call.metadata[key]; return next(call); } }],
    ['hides errors', 'an error passes through', { intercept: (next) => async (call) => { try { return await next(call); } catch { return { output: null, metadata: {} }; } } }],
    ['returns no connection', 'connectionOpened passes', { connectionOpened: () => undefined as never }],
    ['picks strangers', 'a wrapped picker chooses', { wrapPicker: () => ({ pick: () => ({ instance: { address: 'tcp@elsewhere:1', metadata: {} } }) }) }],
    ['forgets the picker within', 'a wrapped picker chooses', { wrapPicker: (picker) => ({ pick: (info) => { const pick = picker.pick(info); return pick && { instance: pick.instance }; } }) }],
    ['forgets what a call has used up', 'a wrapped picker gives', { wrapPicker: (picker) => ({ pick: ({ avoid: _, ...info }) => picker.pick({ ...info, avoid: undefined }) }) }],
    ['takes it that somebody is chosen', 'a wrapped picker copes', { wrapPicker: (picker) => ({ pick: (info) => { const { instance } = picker.pick(info) as { instance: never }; return { instance }; } }) }],
    ['is slow', 'calls are as quick', { interceptAttempt: (next) => async (call) => { await sleep(10); return next(call); } }],
  ])('one that %s', async (_, rule, hooks) => {
    const found = await complaints(of(rule, clientPluginCases({ create: () => ({ name: 'broken', ...hooks }), start: onClient, deadlineMs: 600 })));
    expect([...found.values()]).toHaveLength(1);
  });

  it('one that is fine breaks none', async () => {
    const fine: ClientPlugin = { name: 'fine', intercept: (next) => (call) => next(call), interceptAttempt: (next) => async (call) => next(call), wrapPicker: (picker) => ({ pick: (info) => picker.pick(info) }) };
    expect([...(await complaints(clientPluginCases({ create: () => fine, start: onClient })))]).toEqual([]);
  });
});
