import { createClient, type ClientOptions } from '@rpcxjs/client';
import type { PluginRig, PluginService } from '@rpcxjs/conformance';
import { createServer, type ServerOptions } from '@rpcxjs/server';
import { tcp } from '@rpcxjs/transport-tcp';
import { silent } from './tcp-server.ts';

/** A server of the service and a client of it, as the conformance cases want them. */
export async function pluginRig(service: PluginService, options: { readonly server?: ServerOptions; readonly client?: Partial<ClientOptions> }): Promise<PluginRig> {
  const server = createServer({ transports: [tcp()], logger: silent, ...options.server });
  for (const [method, run] of Object.entries(service.methods)) server.registerFunction(service.name, method, run);
  const [address = ''] = await server.listen('tcp@127.0.0.1:0');
  const client = createClient({ servers: address, transports: [tcp()], logger: silent, ...options.client });
  return {
    call: (method, input, callOptions) => client.call(service.name, method, input, callOptions),
    oneway: (input) => client.oneway(service.note, input),
    onPush: (listener) => void client.onPush(service.said, listener),
    async close() {
      await client.close({ graceMs: 200 });
      await server.close({ graceMs: 200 });
    },
  };
}
