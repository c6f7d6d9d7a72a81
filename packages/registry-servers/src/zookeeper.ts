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
  const port = await freePort();
  const classes = existsSync(jars) ? readdirSync(jars).filter((name) => name.endsWith('.jar')).map((name) => join(jars, name)) : [];
  return startServer(port, {
    name: 'zookeeper',
    file: findZooKeeper() ?? 'java',
    async args(folder) {
      await mkdir(join(folder, 'zookeeper'), { recursive: true });
      const file = join(folder, 'zoo.cfg');
      const lines = [`clientPort=${port}`, 'clientPortAddress=127.0.0.1', `dataDir=${join(folder, 'zookeeper')}`, 'tickTime=1000', 'admin.enableServer=false', '4lw.commands.whitelist=*', 'maxClientCnxns=0', ...config];
      await writeFile(file, `${lines.join('\n')}\n`);
      return ['-Xmx256m', '-Dzookeeper.forceSync=no', '-cp', classes.join(':'), 'org.apache.zookeeper.server.quorum.QuorumPeerMain', file];
    },
    // It is there before it serves requests, and says so.
    answers: () => askLine(port, 'srvr', /Zxid: \S+\n/).then(Boolean),
  });
}
