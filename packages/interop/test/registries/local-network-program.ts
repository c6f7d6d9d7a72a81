// Servers and clients of Go and TypeScript that know each other by multicast DNS on the address of its argument: does what local-network.ts asks, a line of JSON each, and ends when its
// standard input does.
import { execFileSync } from 'node:child_process';
import { createInterface } from 'node:readline';
import { mdns } from '@rpcxjs/registry-mdns';
import { createClient, createServer, roundRobin, weightedRoundRobin, type Client, type Server } from '@rpcxjs/rpcx';
import { GoConsumer, startGoProvider, type GoListener, type GoPlace } from '../../src/index.ts';
import type { Asked, NetworkCommands } from './local-network.ts';

const [host = ''] = process.argv.slice(2);
const place: GoPlace = { kind: 'mdns', registry: '', base: '' };
const open: AsyncDisposable[] = [];
const servers = new Map<string, Server>();
const goServers = new Map<string, GoListener>();
const clients = new Map<boolean, Client>();
const goClients = new Map<string, Promise<GoConsumer>>();

function keep<T extends AsyncDisposable>(what: T): T {
  open.push(what);
  return what;
}
function client(weighted: boolean): Client {
  const made = clients.get(weighted) ?? keep(createClient({ discovery: keep(mdns({ interface: host })), selector: weighted ? weightedRoundRobin() : roundRobin() }));
  clients.set(weighted, made);
  return made;
}
function goClient(weighted: boolean, group: string): Promise<GoConsumer> {
  const made = goClients.get(`${weighted} ${group}`) ?? GoConsumer.start({ ...place, weighted, group }).then(keep);
  goClients.set(`${weighted} ${group}`, made);
  return made;
}

const commands: NetworkCommands = {
  async server({ name, metadata = {} }) {
    const server = createServer({ registries: [keep(mdns({ interface: host }))], advertise: { metadata } });
    server.registerFunction('Where', 'Who', () => ({ From: name }));
    const [address = ''] = await server.listen(`tcp@${host}:0`);
    servers.set(name, server);
    keep({ [Symbol.asyncDispose]: () => server.close({ graceMs: 0, lameDuckMs: 0 }) });
    return address;
  },
  async goServer({ name, metadata = '' }) {
    // Its name on the network is that of the machine, whatever its port: here each has a machine.
    execFileSync('hostname', [name]);
    const provider = keep(await startGoProvider({ ...place, name, metadata, host }));
    goServers.set(name, provider);
    return provider.address;
  },
  // Its registry stays open: it could go on to speak.
  async stop({ name }) {
    await (servers.get(name)?.close({ graceMs: 0, lameDuckMs: 0 }) ?? goServers.get(name)?.process.stop());
  },
  async advertise({ name, metadata }) {
    await servers.get(name)?.advertise(metadata);
  },
  async calls({ count, weighted = false, group }) {
    const where = client(weighted).service<{ Who(args: { ID: number }): { From: string } }>('Where', group === undefined ? {} : { group });
    const answers: Record<string, number> = {};
    for (let id = 0; id < count; id++) {
      const name = await where.Who({ ID: id }).then(({ From }) => From, String);
      answers[name] = (answers[name] ?? 0) + 1;
    }
    return answers;
  },
  goCalls: async ({ count, weighted = false, group = '' }) => (await goClient(weighted, group)).calls(count),
  nodes: async () => client(false).nodes().map(({ address }) => address),
  goList: async () => (await goClient(false, '')).list(),
};

for await (const line of createInterface({ input: process.stdin })) {
  const { id, ask, options } = JSON.parse(line) as Asked; // of local-network.ts
  const command = commands[ask] as (options: unknown) => Promise<unknown>; // which takes these options
  const answer = await command(options).then((value) => ({ value }), (error: unknown) => ({ error: String(error) }));
  process.stdout.write(`${JSON.stringify({ id, ...answer })}\n`);
}
for (const each of open.reverse()) await each[Symbol.asyncDispose]();
