import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

export interface Shop {
  readonly address: string;
  /** Ends it as a crash would. */
  kill(): Promise<void>;
}

/** Starts a server in a process of its own; resolves when it listens. With the address of a registry, and a name for its services there, it writes itself into that. */
export async function startShop(name: string, registry: readonly string[]): Promise<Shop> {
  const program = fileURLToPath(new URL('./shop-process.ts', import.meta.url));
  const child: ChildProcess = spawn(process.execPath, ['--import', 'tsx', program, name, ...registry], { stdio: ['pipe', 'pipe', 'inherit'] });
  const ended = once(child, 'exit');
  const [address] = await Promise.race([
    once(createInterface({ input: child.stdout as NodeJS.ReadableStream }), 'line'), // it is piped
    ended.then(() => Promise.reject(new Error(`${name} ended before it listened`))),
  ]);
  return {
    address,
    async kill() {
      child.kill('SIGKILL');
      await ended;
    },
  };
}
