import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';

const running = new Set<LineProcess>();

/** Kills every process that a `LineProcess` started and that still runs: for the `afterEach` of tests that may end in the middle. */
export async function killEveryProcess(): Promise<void> {
  await Promise.all([...running].map((each) => each.kill()));
}

/** How a process ended: one of the two is null. */
export interface ProcessEnd {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** A child process that speaks one JSON value a line in both directions, and ends when its standard input does. */
export class LineProcess implements AsyncDisposable {
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #closed: Promise<ProcessEnd>;
  #errors = '';

  /** `onLine` gets each value that the process writes; `onEnd` the reason, once, when it writes no more. */
  constructor(command: string, args: readonly string[], on: { line(value: unknown): void; end(error: Error): void }) {
    this.#child = spawn(command, args, { stdio: ['pipe', 'pipe', 'pipe'] });
    this.#child.stderr.on('data', (chunk: Buffer) => { this.#errors = (this.#errors + chunk.toString()).slice(-8192); });
    // A process that is gone already is told apart by its end, not by the failed write.
    this.#child.stdin.on('error', () => undefined);
    createInterface({ input: this.#child.stdout }).on('line', (line) => {
      if (line.startsWith('{')) on.line(JSON.parse(line));
      else this.#errors += `${line}\n`;
    });
    this.#closed = new Promise((resolve) => {
      this.#child.once('error', (error) => { on.end(error); resolve({ code: null, signal: null }); });
      this.#child.once('close', (code, signal) => {
        on.end(new Error(`${command} ended with ${code ?? signal}: ${this.#errors}`));
        resolve({ code, signal });
      });
    });
    running.add(this);
    void this.#closed.then(() => running.delete(this));
    this[Symbol.asyncDispose] = (): Promise<void> => this.stop();
  }

  get pid(): number {
    return this.#child.pid ?? -1;
  }

  /** What it wrote to its standard error, and lines that are no JSON; the last 8 KiB. */
  get complaints(): string {
    return this.#errors;
  }

  /** Settles when the process is gone. */
  get ended(): Promise<ProcessEnd> {
    return this.#closed;
  }

  /** Asks it to end as whoever runs servers does (SIGTERM), and waits until it has. */
  terminate(): Promise<ProcessEnd> {
    this.#child.kill('SIGTERM');
    return this.#closed;
  }

  write(value: unknown): void {
    this.#child.stdin.write(`${JSON.stringify(value)}\n`);
  }

  /** The system stops running the process: its connections stay open and say nothing more. */
  freeze(): void {
    process.kill(this.pid, 'SIGSTOP');
  }

  thaw(): void {
    process.kill(this.pid, 'SIGCONT');
  }

  /** Ends the process at once, as a crash would. */
  async kill(): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.#closed;
  }

  /** Asks the process to end by closing its input; after two seconds it is killed. Safe to call twice. */
  async stop(): Promise<void> {
    this.#child.stdin.end();
    const timer = setTimeout(() => { this.#child.kill('SIGKILL'); }, 2000);
    await this.#closed;
    clearTimeout(timer);
  }

  declare [Symbol.asyncDispose]: () => Promise<void>;
}
