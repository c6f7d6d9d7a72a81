// One server for several tenants: the plugin on each side says and checks for whom a call is made, and no handler has to.
import { conformsLine } from '@rpcxjs/conformance';
import { createClient, createServer, RpcError } from '@rpcxjs/rpcx';
import { tenant, tenantOf, tenants } from './src/index.ts';
import { casesOfTenantOf, casesOfTenants } from './test/cases.ts';

const tell = (what: string, text: string): void => void process.stdout.write(`${what.padEnd(34)} ${text}\n`);

const accounts = tenants({ known: ['acme', 'globex'] });
const server = createServer({ plugins: [accounts] });
server.registerFunction('Shop', 'Price', ({ Sku }: { Sku: string }, call) => `${Sku} for ${call.values.get(tenant)}`);
const [servers = ''] = await server.listen('tcp@127.0.0.1:0');

for (const plugins of [[tenantOf('acme')], [tenantOf('globex')], [tenantOf('initech')], []]) {
  const client = createClient({ servers, plugins });
  try {
    tell('a client answers', String(await client.call('Shop', 'Price', { Sku: 'A1' })));
  } catch (error) {
    if (!RpcError.is(error)) throw error;
    tell(`a client fails, ${error.code}`, error.message);
  }
  await client.close();
}
for (const [name, { calls }] of Object.entries(accounts.used())) tell(`calls of ${name}`, String(calls));
await server.close();

for (const [name, cases] of Object.entries({ tenants: casesOfTenants, tenantOf: casesOfTenantOf })) {
  for (const one of cases) await one.run();
  process.stdout.write(`${conformsLine(name, cases)}\n`);
}
