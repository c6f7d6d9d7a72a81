// A program of today with a plugin that was built against earlier packages, on both sides of a call.
import { createClient, createServer, RpcError } from '@rpcxjs/rpcx';
import { tenant, tenantOf, tenants } from 'rpcxjs-plugin-tenants';

const accounts = tenants({ known: ['acme', 'globex'] });
const server = createServer({ plugins: [accounts] });
server.registerFunction('Shop', 'Price', ({ Sku }: { Sku: string }, call) => `${Sku} for ${call.values.get(tenant)}`);
const [servers = ''] = await server.listen('tcp@127.0.0.1:0');
const said: string[] = [];
for (const name of ['acme', 'initech']) {
  const client = createClient({ servers, plugins: [tenantOf(name)] });
  said.push(await client.call('Shop', 'Price', { Sku: 'A1' }).then(String, (error: unknown) => (RpcError.is(error) ? `${error.code}: ${error.message}` : String(error))));
  await client.close();
}
await server.close();
const used = Object.entries(accounts.used()).map(([name, { calls }]) => `${name} ${calls}`);
process.stdout.write(`${[...said, used.join(', ')].join('; ')}\n`);
