import { setTimeout as wait } from 'node:timers/promises';
import { askHttp } from './ask.ts';
import { askEtcd, findEtcd, type EtcdServer } from './etcd.ts';
import { PeerGate } from './peer-gate.ts';
import { freePort, startServer } from './server-process.ts';

/** Several etcd processes that are one. */
export interface EtcdCluster extends AsyncDisposable {
  readonly members: readonly EtcdServer[];
  /** Of all members, for one whose address it is: `host:port,host:port,host:port`. */
  readonly address: string;
  /** The member that the others follow, as soon as there is one and `among` agree about it. */
  leader(among?: readonly EtcdServer[]): Promise<EtcdServer>;
  /** Nothing passes between the leader and the others any more; its clients reach it as before. */
  cutOff(member: EtcdServer): void;
  /** Everything passes again. */
  heal(): void;
  stop(): Promise<void>;
}

const leaderMs = 20_000;
const mostTries = 3;

interface MemberPlace {
  readonly name: string;
  readonly port: number;
  readonly peerPort: number;
  /** What the others believe to be its peer port. */
  readonly gatePort: number;
}

/** Resolves when all of them answer. */
export async function startEtcdCluster(size = 3): Promise<EtcdCluster> {
  for (let tries = 1; ; tries++) {
    try {
      return await start(await places(size));
    } catch (error) {
      // Somebody else was faster on one of its many ports.
      if (tries === mostTries || !/address already in use|somebody else listens|EADDRINUSE/.test(String(error))) throw error;
    }
  }
}

async function places(size: number): Promise<readonly MemberPlace[]> {
  const ports = new Set<number>();
  while (ports.size < 3 * size) ports.add(await freePort());
  const all = [...ports];
  return Array.from({ length: size }, (_, index) => ({ name: `m${index}`, port: all[3 * index] ?? 0, peerPort: all[3 * index + 1] ?? 0, gatePort: all[3 * index + 2] ?? 0 }));
}

async function start(all: readonly MemberPlace[]): Promise<EtcdCluster> {
  /** By what etcd calls them. */
  const ids = new Map<string, MemberPlace>();
  let lonely: MemberPlace | undefined;
  // What does not say who it is renews leases, which goes to the leader: one that is cut off has none.
  const isCut = (from: string | undefined, to: MemberPlace): boolean => lonely !== undefined && (to === lonely || ids.get(from ?? '') === lonely);
  const gates: PeerGate[] = [];
  const members: EtcdServer[] = [];
  const stop = async (): Promise<void> => {
    await Promise.all(members.map((member) => member.stop()));
    await Promise.all(gates.map((gate) => gate.close()));
  };
  try {
    for (const place of all) gates.push(await PeerGate.open(place.gatePort, { peerPort: place.peerPort, isCut: (from) => isCut(from, place) }));
    const cluster = all.map(({ name, gatePort }) => `${name}=http://127.0.0.1:${gatePort}`).join(',');
    const started = await Promise.allSettled(all.map((place) => startMember(place, cluster)));
    for (const one of started) if (one.status === 'fulfilled') members.push(one.value);
    for (const one of started) if (one.status === 'rejected') throw one.reason;
    for (const [index, member] of members.entries()) ids.set(BigInt((await status(member)).id).toString(16), all[index] as MemberPlace); // as many as members
  } catch (error) {
    await stop();
    throw error;
  }
  const separate = (place: MemberPlace | undefined): void => {
    lonely = place;
    for (const gate of gates) gate.look();
  };
  return {
    members, stop, address: members.map(({ address }) => address).join(','), [Symbol.asyncDispose]: stop,
    leader: (among = members) => leaderOf(among),
    cutOff: (member) => separate(all.find(({ port }) => port === member.port)),
    heal: () => separate(undefined),
  };
}

async function startMember({ name, port, peerPort, gatePort }: MemberPlace, cluster: string): Promise<EtcdServer> {
  const url = `http://127.0.0.1:${port}`;
  const server = await startServer(port, {
    name: 'etcd',
    file: findEtcd() ?? 'etcd',
    args: (folder) => [
      '--name', name, '--data-dir', folder, '--listen-client-urls', url, '--advertise-client-urls', url, '--listen-peer-urls', `http://127.0.0.1:${peerPort}`,
      '--initial-advertise-peer-urls', `http://127.0.0.1:${gatePort}`, '--initial-cluster', cluster, '--unsafe-no-fsync',
    ],
    answers: () => askHttp({ url: `${url}/health` }).then(({ text }) => text.includes('true')),
  });
  return Object.assign(server, { ask: askEtcd(url) });
}

async function status(member: EtcdServer): Promise<{ readonly id: string; readonly leader: string }> {
  const { header, leader = '0' } = (await member.ask('maintenance/status', {})) as { header: { member_id: string }; leader?: string }; // of etcd's gateway
  return { id: header.member_id, leader };
}

async function leaderOf(among: readonly EtcdServer[]): Promise<EtcdServer> {
  for (const until = performance.now() + leaderMs; performance.now() < until; await wait(50)) {
    const said = await Promise.all(among.map(status)).catch(() => []);
    const found = among[said.findIndex(({ id }) => id === said[0]?.leader)];
    if (found !== undefined && said.every(({ leader }) => leader === said[0]?.leader)) return found;
  }
  throw new Error(`the members did not agree about a leader within ${leaderMs} ms`);
}
