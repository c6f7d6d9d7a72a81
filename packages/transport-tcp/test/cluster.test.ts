import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { closeAfterEach, dial, Heard, later, rejection, serve, until } from '@rpcxjs/transport-sides';
import { describe, expect, it } from 'vitest';
import { reusePortNeeds } from '../src/tcp-options.ts';
import { tcp } from '../src/tcp.ts';

closeAfterEach();

interface Cluster {
  readonly host: string;
  readonly pids: readonly number[];
  /** Settles when the first of them is gone. */
  readonly oneIsGone: Promise<unknown>;
}

async function startCluster(): Promise<Cluster> {
  const child = spawn(process.execPath, ['--import', 'tsx', fileURLToPath(new URL('cluster-program.ts', import.meta.url))], { stdio: ['pipe', 'pipe', 'inherit'] });
  const closed = once(child, 'close');
  later(async () => {
    child.stdin.end();
    await closed;
  });
  const [line] = (await once(child.stdout, 'data')) as [Buffer];
  return { ...(JSON.parse(line.toString()) as Pick<Cluster, 'host' | 'pids'>), oneIsGone: once(child.stdout, 'data') };
}

describe('two workers of node:cluster', () => {
  it('share a port: both answer, and one that dies takes none of the other\'s connections with it', async () => {
    const { host, pids, oneIsGone } = await startCluster();
    const open = async (): Promise<{ readonly pid: number; readonly heard: Heard; write(text: string): void }> => {
      const connection = await dial(tcp(), { network: 'tcp', host });
      const heard = new Heard();
      connection.start(heard);
      await until(() => heard.text.endsWith('\n'));
      return { pid: Number(heard.text), heard, write: (text) => void connection.write(Buffer.from(text)) };
    };
    const connections = await Promise.all(Array.from({ length: 20 }, open));
    expect(new Set(connections.map(({ pid }) => pid))).toEqual(new Set(pids));
    const [dead = 0, alive] = pids;
    const of = (pid: number | undefined): typeof connections => connections.filter((one) => one.pid === pid);
    process.kill(dead, 'SIGKILL');
    await until(() => of(dead).every(({ heard }) => heard.closes.length === 1));
    await oneIsGone;
    for (const { write } of of(alive)) write('still here');
    await until(() => of(alive).every(({ heard }) => heard.text.endsWith('still here')));
    expect(of(alive).every(({ heard }) => heard.closes.length === 0)).toBe(true);
    expect((await Promise.all([open(), open(), open()])).map(({ pid }) => pid)).toEqual([alive, alive, alive]);
  });
});

describe('reusePort', () => {
  const missing = reusePortNeeds(process.versions.node, process.platform);

  const shares = async (): Promise<void> => {
    const first = await serve(tcp({ reusePort: true }), { network: 'tcp', host: '127.0.0.1:0' });
    const second = await serve(tcp({ reusePort: true }), first.listener.address);
    await Promise.all(Array.from({ length: 50 }, () => dial(tcp(), first.listener.address)));
    await until(() => first.accepted.length + second.accepted.length === 50);
    // Half of them each; that all fifty go to one has a chance of 2 in 2^50.
    expect(Math.min(first.accepted.length, second.accepted.length)).toBeGreaterThan(0);
    expect(await rejection(serve(tcp(), first.listener.address))).toMatchObject({ reason: 'LISTEN_FAILED' });
  };
  const refuses = (): void => {
    expect(() => tcp({ reusePort: true })).toThrow(new TypeError(`tcp: reusePort ${missing}; leave it out, and share the port with node:cluster, which works everywhere`));
  };
  // Node 20 has the one, 22 and 24 have the other.
  if (missing === undefined) it('lets several listen on one port, and each connection comes to one of them', shares);
  else it('is refused where Node would ignore it', refuses);

  it('knows which versions and systems have it', () => {
    for (const version of ['22.12.0', '22.23.3', '23.1.0', '24.21.0', '26.0.0']) expect(reusePortNeeds(version, 'linux')).toBe(undefined);
    for (const version of ['20.20.2', '22.11.0', '23.0.0', '21.7.0']) expect(reusePortNeeds(version, 'linux')).toBe(`needs Node 22.12 or later of 22, 23.1, or newer, and this is Node ${version}`);
    for (const platform of ['win32', 'darwin']) expect(reusePortNeeds('24.0.0', platform)).toContain(`is not to be had on ${platform}`);
  });

  it('is off by default, and refused when it is no boolean', async () => {
    const first = await serve(tcp(), { network: 'tcp', host: '127.0.0.1:0' });
    expect(await rejection(serve(tcp({ reusePort: false }), first.listener.address))).toMatchObject({ reason: 'LISTEN_FAILED' });
    expect(() => tcp({ reusePort: 'yes' as never })).toThrow('tcp: reusePort is yes; give true or false');
  });
});
