import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface RedisProcess extends AsyncDisposable {
  readonly port: number;
  readonly address: string;
  kill(): Promise<void>;
  freeze(): void;
  thaw(): void;
  restart(): Promise<void>;
  wipe(): Promise<void>;
  stop(): Promise<void>;
}
async function freePort(): Promise<number> {
  const s = createServer();
  await new Promise<void>((r) => s.listen(0, '127.0.0.1', r));
  const { port } = s.address() as { port: number };
  await new Promise((r) => s.close(r));
  return port;
}
export async function startRedis(args: string[] = []): Promise<RedisProcess> {
  const port = await freePort();
  const dir = await mkdtemp(join(tmpdir(), 'redis-'));
  let child: ChildProcess | undefined;
  const run = async (): Promise<void> => {
    child = spawn('redis-server', [...args.filter((a) => a.endsWith('.conf')), '--port', args.includes('--tls-port') ? '0' : String(port), '--bind', '127.0.0.1', '--dir', dir, '--save', '', '--appendonly', 'yes', ...args.filter((a) => !a.endsWith('.conf')).map((a) => (a === 'PORT' ? String(port) : a))], { stdio: 'ignore' });
    for (;;) {
      const ok = await new Promise<boolean>((r) => { const c = connect(port, '127.0.0.1', () => { c.destroy(); r(true); }); c.on('error', () => r(false)); });
      if (ok) return;
      await new Promise((r) => setTimeout(r, 20));
    }
  };
  const kill = async (): Promise<void> => {
    const c = child;
    child = undefined;
    if (c === undefined) return;
    const gone = new Promise((r) => c.once('exit', r));
    c.kill('SIGKILL');
    await gone;
  };
  const clear = (): Promise<void> => rm(dir, { recursive: true, force: true });
  await run();
  return {
    port, address: `127.0.0.1:${port}`, kill,
    freeze: () => void child?.kill('SIGSTOP'), thaw: () => void child?.kill('SIGCONT'),
    restart: async () => { await kill(); await run(); },
    wipe: async () => { await kill(); await rm(join(dir, 'appendonlydir'), { recursive: true, force: true }); await run(); },
    stop: async () => { await kill(); await clear(); },
    async [Symbol.asyncDispose]() { await kill(); await clear(); },
  };
}
