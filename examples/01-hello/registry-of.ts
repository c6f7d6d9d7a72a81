// A registry from an address such as etcd://127.0.0.1:2379, for `npm start -- --registry …`. A program of yours names the one that it uses.
import type { Discovery, Registry } from '@rpcxjs/rpcx';
import { listed } from './listed.ts';

export type OpenRegistry = Registry & Discovery;
interface Place {
  /** `host:port`, several with commas between them. */
  readonly hosts: readonly string[];
  readonly user: string | undefined;
  readonly password: string | undefined;
  readonly basePath: string;
}

const basePath = '/rpcx_hello';
const makers: Readonly<Record<string, (place: Place) => Promise<OpenRegistry>>> = {
  etcd: async ({ hosts, user, password, ...options }) => (await import('@rpcxjs/registry-etcd')).etcd({ endpoints: hosts, username: user, password, ...options }),
  zookeeper: async ({ hosts, basePath }) => (await import('@rpcxjs/registry-zookeeper')).zookeeper({ servers: hosts, basePath }),
  consul: async ({ hosts, password, basePath }) => (await import('@rpcxjs/registry-consul')).consul({ address: hosts.join(',') || undefined, token: password, basePath }),
  redis: async ({ hosts, user, password, ...options }) => (await import('@rpcxjs/registry-redis')).redis({ nodes: hosts, username: user, password, ...options }),
  nacos: async ({ hosts, user, password, basePath }) => (await import('@rpcxjs/registry-nacos')).nacos({ servers: hosts, username: user, password, group: basePath.slice(1) }),
  mdns: async ({ hosts, basePath }) => (await import('@rpcxjs/registry-mdns')).mdns({ interface: hosts.length === 0 ? undefined : hosts, service: `_${basePath.slice(1)}` }),
};

/** Of `--registry URL` in the arguments; undefined without it. Each call makes a new one, as each process has its own. */
export function registryAddress(args: readonly string[]): string | undefined {
  const unknown = args.filter((arg, index) => arg !== '--registry' && !arg.startsWith('--registry=') && args[index - 1] !== '--registry');
  if (unknown.length > 0) {
    process.stderr.write(`the tour does not know ${unknown.join(' ')}: it takes --registry etcd://host:port, or another registry, and --web\n`);
    process.exit(1);
  }
  const at = args.findIndex((arg) => arg === '--registry' || arg.startsWith('--registry='));
  if (at < 0) return undefined;
  return args[at]?.includes('=') === true ? args[at].slice('--registry='.length) : (args[at + 1] ?? '');
}

/** `name` keeps the services of one part of the tour apart from those of another. */
export async function registryOf(address: string, name: string): Promise<OpenRegistry> {
  const found = /^(\w+):\/\/(?:([^:@]*)(?::([^@]*))?@)?([^/]*)\/?$/.exec(address);
  const maker = makers[found?.[1] ?? ''];
  if (found === null || maker === undefined) throw new TypeError(`--registry ${address}: write one of ${Object.keys(makers).map((scheme) => `${scheme}://host:port`).join(', ')}`);
  const text = (part: string | undefined): string | undefined => (part === undefined || part === '' ? undefined : decodeURIComponent(part));
  return maker({ hosts: (found[4] ?? '').split(',').filter((host) => host !== ''), user: text(found[2]), password: text(found[3]), basePath: `${basePath}_${name}` });
}

/** Several of one address, which is seen to answer: else this program ends with what is wrong. */
export async function openRegistries(address: string, names: readonly string[]): Promise<readonly OpenRegistry[]> {
  try {
    const registries = await Promise.all(names.map((name) => registryOf(address, name)));
    for (const registry of registries) await listed(registry, 'Orders', 0);
    return registries;
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    process.exit(1);
  }
}
