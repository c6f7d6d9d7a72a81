import { existsSync, readdirSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { askLine } from './ask.ts';
import { findProgram, freePort, startServer, type RegistryServer } from './server-process.ts';

// Where Debian has them.
const jars = '/usr/share/java';

export interface ZooKeeperSettings {
  /** More lines of zoo.cfg. */
  readonly config?: readonly string[];
}

export function findZooKeeper(): string | undefined {
  return existsSync(join(jars, 'zookeeper.jar')) ? findProgram('java') : undefined;
}

/** Sessions may be as short as 2 s. */
export async function startZooKeeper({ config = [] }: ZooKeeperSettings = {}): Promise<RegistryServer> {
  return startMember(await freePort(), config, undefined);
}

/** Several ZooKeeper processes that are one; resolves when all of them serve. */
export async function startZooKeeperEnsemble(size = 3): Promise<readonly RegistryServer[]> {
  const ports = new Set<number>();
  while (ports.size < 3 * size) ports.add(await freePort());
  const all = [...ports];
  const members = Array.from({ length: size }, (_, index) => `server.${index + 1}=127.0.0.1:${all[size + index]}:${all[2 * size + index]}`);
  const started = await Promise.allSettled(members.map((_, index) => startMember(all[index] ?? 0, ['initLimit=20', 'syncLimit=10', ...members], index + 1)));
  const servers = started.flatMap((one) => (one.status === 'fulfilled' ? one.value : []));
  for (const one of started) {
    if (one.status === 'fulfilled') continue;
    await Promise.all(servers.map((server) => server.stop()));
    throw one.reason;
  }
  return servers;
}

/** What `srvr` says of a member: leader, follower, or standalone. */
export async function zooKeeperMode({ port }: RegistryServer): Promise<string | undefined> {
  return /Mode: (\w+)\n/.exec(await askLine(port, 'srvr', /Mode: \w+\n/).catch(() => ''))?.[1];
}

function startMember(port: number, config: readonly string[], id: number | undefined): Promise<RegistryServer> {
  const classes = existsSync(jars) ? readdirSync(jars).filter((name) => name.endsWith('.jar')).map((name) => join(jars, name)) : [];
  return startServer(port, {
    name: 'zookeeper',
    file: findZooKeeper() ?? 'java',
    async args(folder) {
      await mkdir(join(folder, 'zookeeper'), { recursive: true });
      if (id !== undefined) await writeFile(join(folder, 'zookeeper', 'myid'), `${id}`);
      const file = join(folder, 'zoo.cfg');
      const lines = [`clientPort=${port}`, 'clientPortAddress=127.0.0.1', `dataDir=${join(folder, 'zookeeper')}`, 'tickTime=1000', 'admin.enableServer=false', '4lw.commands.whitelist=*', 'maxClientCnxns=0', ...config];
      await writeFile(file, `${lines.join('\n')}\n`);
      return ['-Xmx256m', '-Dzookeeper.forceSync=no', '-cp', classes.join(':'), 'org.apache.zookeeper.server.quorum.QuorumPeerMain', file];
    },
    // It is there before it serves requests, and says so.
    answers: () => askLine(port, 'srvr', /Zxid: \S+\n/).then(Boolean),
  });
}
