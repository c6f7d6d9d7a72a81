// What happens over one registry.
import { GoConsumer, startGoProvider, type GoListener } from '@rpcxjs/interop';
import type { RegistryServer } from '@rpcxjs/registry-servers';
import { consoleLogger, systemClock } from '@rpcxjs/rpcx';
import { openRegistry, type Kind } from './open-registry.ts';
import { Program } from './program.ts';
import { basePath } from './where.ts';

export type Tell = (what: string, result: string) => void;

export interface Scene {
  readonly kind: Kind;
  readonly address: string;
  /** None where there is nothing to kill. */
  readonly server?: RegistryServer;
  /** Why Go stays away. */
  readonly noGo: string | undefined;
}

const runtime = { clock: systemClock, logger: consoleLogger(systemClock) };

export async function tellStory({ kind, address, server, noGo }: Scene, tell: Tell): Promise<void> {
  const names = noGo === undefined ? ['go', 'typescript'] : ['typescript'];
  const service = new Program('service.ts', [kind, address]);
  const client = new Program('client.ts', [kind, address]);
  await service.lines(/^serving at /);
  const go = noGo === undefined ? await startGo(kind, address) : undefined;

  const [list = ''] = await client.lines(noGo === undefined ? /^listed: [^,]+, [^,]+$/ : /^listed: tcp@/);
  tell('the client finds', list.replace('listed: ', ''));
  // The first calls are made before everybody is there.
  const all = new RegExp(`^answered: (?=.*\\b${names.join('\\b)(?=.*\\b')}\\b)(\\d+ by (go|typescript)(, |$))+$`);
  await client.lines(all);
  tell('it is answered by', names.join(' and '));
  if (noGo === undefined) tell('a Go client is answered by', await answersToGo(kind, address));
  else tell('without Go', noGo);

  if (server !== undefined) {
    await server.kill();
    const lines = await client.lines(/^answered: /, { from: client.written, count: 4 });
    tell(`${kind} is killed, and calls go on`, `${lines.filter((line) => all.test(line)).length * 10} of 40 answered by ${names.join(' and ')}`);
    await server.restart();
    tell(`${kind} is back, and lists`, await listed(kind, address, names.length));
  }

  await Promise.all([service.stop(), go?.[Symbol.asyncDispose]()]);
  tell(noGo === undefined ? 'both have closed, and it lists' : 'it has closed; now there is', await listed(kind, address, 0));
  await client.stop();
}

function startGo(kind: Kind, registry: string): Promise<GoListener> {
  // Go's sessions of Consul live twice this interval, and Consul ends none before 10 s; its etcd plugin writes the first time when it is over.
  return startGoProvider({ kind, registry, base: basePath, name: 'go', everyMs: kind === 'consul' ? 10_000 : 1000 });
}

async function answersToGo(kind: Kind, registry: string): Promise<string> {
  await using consumer = await GoConsumer.start({ kind, registry, base: basePath });
  const { answers, errors } = await consumer.calls(10);
  return [...Object.keys(answers).sort(), ...errors].join(' and ');
}

/** What somebody finds who comes now, as soon as there are so many; rejects when there are not within 20 s. */
async function listed(kind: Kind, address: string, count: number): Promise<string> {
  await using registry = await openRegistry([kind, address]);
  const late = new AbortController();
  const timer = setTimeout(() => { late.abort(new Error(`${kind} did not list ${count} within 20 s`)); }, 20_000);
  try {
    for await (const list of registry.watch('Where', { runtime, signal: late.signal })) if (list.length === count) return list.map((each) => each.address).join(', ') || 'nobody';
    throw new Error(`the watch of ${kind} ended`);
  } finally {
    clearTimeout(timer);
  }
}
