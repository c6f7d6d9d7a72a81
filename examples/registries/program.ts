// A program of this folder in a process of its own, as if it had a terminal.
import { spawn, type ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';

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

  /** Lines that match, from a line on, as soon as there are so many. */
  async lines(pattern: RegExp, { from = 0, count = 1 }: { readonly from?: number; readonly count?: number } = {}): Promise<readonly string[]> {
    for (;;) {
      const found = this.#lines.slice(from).filter((line) => pattern.test(line));
      if (found.length >= count) return found.slice(0, count);
      if (!running.has(this.#child)) throw new Error(`the program ended before it said ${pattern}`);
      await Promise.race([this.#ended, new Promise<void>((resolve) => { this.#more = resolve; })]);
    }
  }

  /** As Ctrl-C does. */
  async stop(): Promise<void> {
    this.#child.kill('SIGINT');
    const code = await this.#ended;
    if (code !== 0) throw new Error(`the program ended with ${code}`);
  }
}
