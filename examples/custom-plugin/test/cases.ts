import { clientPluginCases, serverPluginCases, type ConformanceCase, type PluginRig, type PluginService } from '@rpcxjs/conformance';
import { createClient, createServer, type ClientPlugin, type ServerPlugin } from '@rpcxjs/rpcx';
import { tenantOf, tenants } from '../src/index.ts';

/** A server with the service that the cases call, and a client of it. */
async function rig(service: PluginService, onServer: readonly ServerPlugin[], onClient: readonly ClientPlugin[]): Promise<PluginRig> {
  const server = createServer({ plugins: onServer });
  for (const [method, run] of Object.entries(service.methods)) server.registerFunction(service.name, method, run);
  const [servers = ''] = await server.listen('tcp@127.0.0.1:0');
  const client = createClient({ servers, plugins: onClient });
  return {
    call: (method, input, options) => client.call(service.name, method, input, options),
    oneway: (input) => client.oneway(service.note, input),
    onPush: (listener) => void client.onPush(service.said, listener),
    async close() {
      await client.close({ graceMs: 200 });
      await server.close({ graceMs: 200 });
    },
  };
}

export const casesOfTenants: readonly ConformanceCase[] = serverPluginCases({
  create: () => tenants({ known: ['guest'], fallback: 'guest' }),
  start: (plugins, service) => rig(service, plugins, []),
});
export const casesOfTenantOf: readonly ConformanceCase[] = clientPluginCases({
  create: () => tenantOf('acme'),
  start: (plugins, service) => rig(service, [], plugins),
});
