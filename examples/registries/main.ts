// The walk-through of README.md by itself, for the registries that the command line names, or for all: `node --import tsx main.ts etcd`.
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { buildGoRegistryPrograms } from '@rpcxjs/interop';
import { findConsul, findEtcd, findRedis, findZooKeeper, startConsul, startEtcd, startRedis, startZooKeeper, type RegistryServer } from '@rpcxjs/registry-servers';
import { kindOf, kinds, type Kind } from './open-registry.ts';
import { tellStory, type Tell } from './story.ts';

const servers: Readonly<Record<Exclude<Kind, 'mdns'>, { find(): string | undefined; start(): Promise<RegistryServer>; install: string }>> = {
  etcd: { find: findEtcd, start: startEtcd, install: 'the Debian package etcd-server' },
  zookeeper: { find: findZooKeeper, start: startZooKeeper, install: 'the Debian packages zookeeper and default-jre-headless' },
  consul: { find: findConsul, start: startConsul, install: 'packages/registry-servers/get-consul.sh, or its path in CONSUL' },
  redis: { find: findRedis, start: startRedis, install: 'the Debian package redis-server' },
};

const named = process.argv.slice(2).map(kindOf);
const { missing } = await buildGoRegistryPrograms();
// All at the same time, told one after the other.
const stories = (named.length === 0 ? kinds : named).map((kind) => {
  const lines: string[] = [];
  const told = run(kind, (what, result) => { lines.push(`   ${what.padEnd(52)} ${result}`.trimEnd()); });
  told.catch(() => {});
  return { kind, lines, told };
});
for (const { kind, lines, told } of stories) {
  console.log(`\n${kind}`);
  await told.finally(() => { console.log(lines.join('\n')); });
}

async function run(kind: Kind, tell: Tell): Promise<void> {
  const go = missing?.split('\n')[0];
  if (kind === 'mdns') {
    await tellStory({ kind, address: `127.0.0.1:${await freeUdpPort()}`, noGo: 'Go speaks on no loopback address' }, tell);
    return;
  }
  const { find, start, install } = servers[kind];
  if (find() === undefined) {
    tell('skipped: not installed', install);
    return;
  }
  await using server = await start();
  await tellStory({ kind, address: server.address, server, noGo: go }, tell);
}

async function freeUdpPort(): Promise<number> {
  const socket = createSocket('udp4').bind(0, '127.0.0.1');
  await once(socket, 'listening');
  const { port } = socket.address();
  socket.close();
  return port;
}
