import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ProcessEnd } from './line-process.ts';
import { WorkServer, type WorkServerSettings } from './work-server.ts';

export type FleetOptions = Partial<Pick<WorkServerSettings, 'graceMs' | 'server'>>;

/** Several server processes, and what all of them wrote down. */
export class Fleet implements AsyncDisposable {
  readonly #folder: string;
  readonly #servers: WorkServer[];

  private constructor(folder: string, servers: WorkServer[]) {
    this.#folder = folder;
    this.#servers = servers;
  }

  /** Resolves when all of them listen, each on a free port. */
  static async start(count: number, { graceMs = 10_000, server = {} }: FleetOptions = {}): Promise<Fleet> {
    const folder = mkdtempSync(join(tmpdir(), 'rpcxjs-fleet-'));
    const settings = Array.from({ length: count }, (_, n) => ({ name: `s${n + 1}`, log: join(folder, `s${n + 1}`), address: 'tcp@127.0.0.1:0', graceMs, server }));
    return new Fleet(folder, await Promise.all(settings.map((each) => WorkServer.start(each))));
  }

  get addresses(): readonly string[] {
    return this.#servers.map(({ address }) => address);
  }

  /** The one that has this place now. */
  at(index: number): WorkServer {
    const server = this.#servers[index];
    if (server === undefined) throw new TypeError(`the fleet has ${this.#servers.length} servers, and none at ${index}`);
    return server;
  }

  /** SIGTERM, and when it has gone another one on the same address. Tells how the first one ended. */
  async roll(index: number): Promise<ProcessEnd> {
    const ended = await this.at(index).drain();
    await this.replace(index);
    return ended;
  }

  /** Starts another one on the address of one that has gone. */
  async replace(index: number): Promise<void> {
    this.#servers[index] = await WorkServer.start(this.at(index).settings);
  }

  /** How often each execution id was written down, by all servers that ever had a place here. */
  executions(): ReadonlyMap<number, number> {
    const counts = new Map<number, number>();
    for (const file of readdirSync(this.#folder)) {
      for (const line of readFileSync(join(this.#folder, file), 'utf8').split('\n')) {
        if (line !== '') counts.set(Number(line), (counts.get(Number(line)) ?? 0) + 1);
      }
    }
    return counts;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#servers.map((server) => server.process.kill()));
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
