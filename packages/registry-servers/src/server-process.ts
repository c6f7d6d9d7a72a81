import { type ChildProcess, spawn } from 'node:child_process';
import { accessSync, constants, existsSync, readFileSync, rmSync } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { delimiter, join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { temporaryFolder } from './temporary-folder.ts';

/** How a registry is run. */
export interface ServerProgram {
  readonly name: string;
  readonly file: string;
  /** Its data are to be below `folder`. */
  args(folder: string): readonly string[] | Promise<readonly string[]>;
  /** Whether it answers as itself. An error means no. */
  answers(): Promise<boolean>;
}

/** A real registry in a process of its own, always on the same port of the loopback interface. */
export interface RegistryServer extends AsyncDisposable {
  readonly host: string;
  readonly port: number;
  /** `host:port`. */
  readonly address: string;
  /** What it wrote last. */
  readonly output: string;
  /** As a crash would. */
  kill(): Promise<void>;
  /** The system stops running it: connections stay open and say nothing. */
  freeze(): void;
  thaw(): void;
  /** Begins again where it was killed, or kills it first. Resolves when it answers. */
  restart(): Promise<void>;
  /** Begins again without its data. */
  wipe(): Promise<void>;
  /** Kills it and removes its data. Safe to call twice. */
  stop(): Promise<void>;
}

const startMs = 60_000;

/** Resolves when it answers. Rejects with what it wrote when it ends before, or does not answer within a minute. */
export async function startServer(port: number, program: ServerProgram): Promise<RegistryServer> {
  const server = new ServerProcess(port, program, temporaryFolder(`rpcxjs-${program.name}`));
  try {
    await server.restart();
  } catch (error) {
    await server.stop();
    throw error;
  }
  return server;
}

class ServerProcess implements RegistryServer {
  readonly host = '127.0.0.1';
  readonly port: number;
  readonly #program: ServerProgram;
  readonly #folder: string;
  #child: ChildProcess | undefined;
  #output = '';
  // A process that ends without stopping it leaves no data behind, unless it is killed.
  readonly #atExit = (): void => {
    this.#child?.kill('SIGKILL');
    rmSync(this.#folder, { recursive: true, force: true });
  };

  constructor(port: number, program: ServerProgram, folder: string) {
    this.port = port;
    this.#program = program;
    this.#folder = folder;
    process.once('exit', this.#atExit);
  }

  get address(): string {
    return `${this.host}:${this.port}`;
  }
  get output(): string {
    return this.#output;
  }

  async kill(): Promise<void> {
    const child = this.#child;
    this.#child = undefined;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const gone = new Promise((resolve) => { child.once('exit', resolve); });
    child.kill('SIGKILL');
    await gone;
  }
  freeze(): void {
    this.#child?.kill('SIGSTOP');
    const stat = `/proc/${this.#child?.pid}/stat`;
    // The system takes a moment to stop a process of many threads, in which it still answers.
    for (const until = performance.now() + 1000; existsSync(stat) && !/\) [Tt] /.test(readFileSync(stat, 'utf8')) && performance.now() < until;);
  }
  thaw(): void {
    this.#child?.kill('SIGCONT');
  }
  async restart(): Promise<void> {
    await this.kill();
    const data = join(this.#folder, 'data');
    await mkdir(data, { recursive: true });
    const { name, file, args } = this.#program;
    // Else whoever took it meanwhile would answer in its place.
    if (!(await isFree(this.port))) throw new Error(`${name} cannot start: somebody else listens at ${this.address}`);
    const child = spawn(...orphaned(file, await args.call(this.#program, data)), { stdio: ['ignore', 'pipe', 'pipe'] });
    this.#child = child;
    let ended: string | undefined;
    child.once('error', (error) => { ended = error.message; });
    child.once('exit', (code, signal) => { ended = `it ended with ${code ?? signal}`; });
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => { this.#output = (this.#output + chunk.toString()).slice(-8192); });
    for (const until = performance.now() + startMs; !(await this.#program.answers().catch(() => false)); await wait(25)) {
      if (ended !== undefined) throw new Error(`${name} did not start: ${ended}: ${this.#output}`);
      if (performance.now() > until) throw new Error(`${name} did not answer at ${this.address} within ${startMs} ms: ${this.#output}`);
    }
  }
  async wipe(): Promise<void> {
    await this.kill();
    await rm(join(this.#folder, 'data'), { recursive: true, force: true });
    await this.restart();
  }
  async stop(): Promise<void> {
    await this.kill();
    await rm(this.#folder, { recursive: true, force: true });
    process.off('exit', this.#atExit);
  }
  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }
}

/** With a parent that dies without a word, the registry dies too, where the system can do that. */
function orphaned(file: string, args: readonly string[]): [file: string, args: readonly string[]] {
  const setpriv = process.platform === 'linux' ? findProgram('setpriv') : undefined;
  return setpriv === undefined ? [file, args] : [setpriv, ['--pdeathsig', 'KILL', file, ...args]];
}

/** The path of a program; undefined when there is none. */
export function findProgram(name: string, folders: readonly string[] = (process.env['PATH'] ?? '').split(delimiter)): string | undefined {
  return folders.map((folder) => join(folder, name)).find((path) => {
    try {
      accessSync(path, constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

// Below those that systems hand out: a client that connects while the server is away could be given its port, or even reach itself.
const lowestPort = 20_000;
const highestPort = 32_000;

/** A port of the loopback interface that nobody listens on, and that the system gives to nobody else. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = lowestPort + Math.floor(Math.random() * (highestPort - lowestPort));
    if (await isFree(port)) return port;
  }
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => { resolve(false); });
    server.listen(port, '127.0.0.1', () => { server.close(() => { resolve(true); }); });
  });
}
