import { serverPluginCases, type PluginCasesOptions } from '@rpcxjs/conformance';
import type { ServerPlugin } from '@rpcxjs/core';
import { describe, it } from 'vitest';
import { alias, blacklist, rateLimitConnections, rateLimitRequests, whitelist } from '../src/index.ts';
import { pluginRig } from './plugin-rig.ts';

const start: PluginCasesOptions<ServerPlugin>['start'] = (plugins, service) => pluginRig(service, { server: { plugins } });
const wide = { perSecond: 1e6 };

describe.each<[string, () => ServerPlugin]>([
  ['whitelist', () => whitelist(['127.0.0.0/8', '::1'])],
  ['blacklist', () => blacklist(['192.0.2.0/24', '2001:db8::/32'])],
  ['alias', () => alias({ 'old/Echo': 'Conformance/Echo', older: 'Conformance' })],
  ['rateLimitConnections', () => rateLimitConnections(wide)],
  ['rateLimitConnections of each address', () => rateLimitConnections({ ...wide, per: 'address' })],
  ['rateLimitRequests', () => rateLimitRequests(wide)],
  ['rateLimitRequests of each peer', () => rateLimitRequests({ ...wide, per: 'peer' })],
  ['rateLimitRequests of each method', () => rateLimitRequests({ ...wide, per: 'method' })],
])('%s', (_, create) => {
  for (const one of serverPluginCases({ create, start })) it(one.name, one.run);
});
