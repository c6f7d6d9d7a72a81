// A program of this folder in a process of its own, as if it had a terminal.
import { spawn, type ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';
import { setTimeout as wait } from 'node:timers/promises';

const patienceMs = 20_000;

// None outlives us, also when the story ends in the middle.
const running = new Set<ChildProcess>();
process.once('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

export class Program {
  readonly #child: ChildProcess;
  readonly #lines: string[] = [];
  readonly #ended: Promise<number | null>;
  #more: () => void = () => {};

  constructor(file: string, args: readonly string[]) {
    const child = spawn(process.execPath, ['--import', 'tsx', file, ...args], { cwd: import.meta.dirname, stdio: ['ignore', 'pipe', 'inherit'] });
    this.#child = child;
    createInterface({ input: child.stdout }).on('line', (line) => {
      this.#lines.push(line);
      this.#more();
    });
    this.#ended = new Promise((resolve) => {
      child.once('close', (code) => {
        running.delete(child);
        resolve(code);
      });
    });
    running.add(child);
  }

  /** How many lines it has written. */
  get written(): number {
    return this.#lines.length;
  }

  /** Lines that match, from a line on, as soon as there are so many. Rejects when there are not within 20 s. */
  async lines(pattern: RegExp, { from = 0, count = 1 }: { readonly from?: number; readonly count?: number } = {}): Promise<readonly string[]> {
    for (const until = performance.now() + patienceMs; ; ) {
      const found = this.#lines.slice(from).filter((line) => pattern.test(line));
      if (found.length >= count) return found.slice(0, count);
      const left = until - performance.now();
      if (left <= 0 || !running.has(this.#child)) throw new Error(`${left <= 0 ? `within ${patienceMs} ms` : 'before it ended'} the program did not say ${pattern}, but: ${this.#lines.slice(-3).join('; ')}`);
      const timer = new AbortController();
      await Promise.race([this.#ended, new Promise<void>((resolve) => { this.#more = resolve; }), wait(left, undefined, { signal: timer.signal }).catch(() => {})]);
      timer.abort();
    }
  }

  /** As Ctrl-C does. */
  async stop(): Promise<void> {
    this.#child.kill('SIGINT');
    const code = await this.#ended;
    if (code !== 0) throw new Error(`the program ended with ${code}`);
  }
}
