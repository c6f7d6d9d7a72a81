// Starting, pinning and talking to the processes of a pair: one server, one client, each on a core of its own where taskset exists.
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { availableParallelism } from 'node:os';
import { createInterface } from 'node:readline';

const serverCore = 0;
const clientCore = 1;

export const pinned = availableParallelism() > 1 && spawnSync('taskset', ['-c', `${serverCore},${clientCore}`, 'true']).status === 0;

/** A child that answers one line of JSON for each line it is given, and ends when its input does. */
export class Child {
  #process;
  #lines;
  #ended;
  #stderr = '';

  constructor([program, ...args], core) {
    const [file, ...rest] = pinned && core !== undefined ? ['taskset', '-c', String(core), program, ...args] : [program, ...args];
    this.#process = spawn(file, rest, { stdio: ['pipe', 'pipe', 'pipe'] });
    this.#process.stdin.on('error', () => undefined);
    this.#process.stderr.setEncoding('utf8').on('data', (text) => (this.#stderr = (this.#stderr + text).slice(-4000)));
    this.#ended = once(this.#process, 'close');
    this.#lines = createInterface({ input: this.#process.stdout })[Symbol.asyncIterator]();
    this.name = args.find((arg) => !arg.startsWith('-')) ?? program;
  }

  get pid() {
    return this.#process.pid;
  }

  async read() {
    const { value, done } = await this.#lines.next();
    if (!done) return JSON.parse(value);
    await this.#ended;
    throw new Error(`${this.name} ended before it answered:\n${this.#stderr || '(it wrote nothing to stderr)'}`);
  }

  ask(line) {
    this.#process.stdin.write(`${line}\n`);
    return this.read();
  }

  /** Closes its input, which ends it; after two seconds it is ended. */
  async end() {
    this.#process.stdin.end();
    const late = setTimeout(() => this.#process.kill('SIGKILL'), 2000);
    await this.#ended;
    clearTimeout(late);
  }
}

export async function startServer(command, free) {
  const child = new Child(command, free ? undefined : serverCore);
  const { ready } = await child.read();
  return { child, address: ready };
}

export function startClient(command, free) {
  return new Child(command, free ? undefined : clientCore);
}

/** A server and its client, both started; `run` gives the client one job. `free`: neither is pinned. */
export async function startPair({ server, client, free }) {
  const started = await startServer(server, free);
  const clientChild = startClient([...client, '--address', started.address], free);
  return {
    address: started.address,
    server: started.child,
    run: (job) => clientChild.ask(JSON.stringify(job)),
    end: () => Promise.all([clientChild.end(), started.child.end()]),
  };
}
