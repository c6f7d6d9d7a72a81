// The registry that the command line names: `etcd`, or `etcd 127.0.0.1:2379`. A program of yours has the one line that it needs.
import type { OpenRegistry } from './where.ts';

const files = {
  etcd: () => import('./etcd.ts'),
  zookeeper: () => import('./zookeeper.ts'),
  consul: () => import('./consul.ts'),
  redis: () => import('./redis.ts'),
  mdns: () => import('./mdns.ts'),
};
export type Kind = keyof typeof files;
export const kinds = Object.keys(files) as readonly Kind[]; // its keys are these

export function kindOf(name: string): Kind {
  const kind = kinds.find((one) => one === name);
  if (kind !== undefined) return kind;
  process.stderr.write(`"${name}" is no registry: write one of ${kinds.join(', ')}\n`);
  process.exit(1);
}

export async function openRegistry([name = '', address]: readonly string[]): Promise<OpenRegistry> {
  const { open } = await files[kindOf(name)]();
  return open(address);
}
