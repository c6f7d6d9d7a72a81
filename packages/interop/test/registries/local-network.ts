import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { LineProcess, type GoConsumerTally } from '../../src/index.ts';

const program = fileURLToPath(new URL('./local-network-program.ts', import.meta.url));
/** Go passes over 127.x, so loopback gets another address. */
const host = '10.98.0.1';
const setUp = `ip link set lo up && ip link set lo multicast on && ip address add ${host}/24 dev lo && ip route add 224.0.0.0/4 dev lo`;

/** What can be asked of everybody in the network, each as an object of options. */
export interface NetworkCommands {
  /** Their address in rpcx form. */
  server(options: { readonly name: string; readonly metadata?: Readonly<Record<string, string>> }): Promise<string>;
  goServer(options: { readonly name: string; readonly metadata?: string }): Promise<string>;
  stop(options: { readonly name: string }): Promise<void>;
  advertise(options: { readonly name: string; readonly metadata: Readonly<Record<string, string>> }): Promise<void>;
  /** Who answered how many of a client's calls. */
  calls(options: CallsOptions): Promise<Readonly<Record<string, number>>>;
  goCalls(options: CallsOptions): Promise<GoConsumerTally>;
  /** The addresses that a client knows. */
  nodes(options: object): Promise<readonly string[]>;
  goList(options: object): Promise<Readonly<Record<string, string>>>;
}
export interface CallsOptions {
  readonly count: number;
  readonly weighted?: boolean;
  readonly group?: string;
}
/** A line of the program's input. */
export interface Asked {
  readonly id: number;
  readonly ask: keyof NetworkCommands;
  readonly options: unknown;
}

/** What makes a network and a host name of its own: as root, or as somebody who may be root of what he makes. */
const ways = [['--net', '--uts'], ['--map-root-user', '--net', '--uts']];

/** How to make a network here, or why it cannot be. */
export function findNetwork(): { readonly way: readonly string[]; readonly missing?: undefined } | { readonly missing: string } {
  const refusals: string[] = [];
  for (const way of ways) {
    const { status, stderr, error } = spawnSync('unshare', [...way, 'sh', '-c', `${setUp} && hostname elsewhere`], { encoding: 'utf8' });
    if (status === 0) return { way };
    refusals.push(`unshare ${way.join(' ')}: ${(error?.message ?? stderr).trim().split('\n')[0]}`);
  }
  return { missing: `no network namespace can be made: ${refusals.join('; ')}` };
}

/** A network of which nobody else knows, with servers and clients in it; disposing ends them all. */
export class LocalNetwork implements AsyncDisposable {
  readonly #process: LineProcess;
  readonly #waiting = new Map<number, { resolve(value: unknown): void; reject(error: Error): void }>();
  #asked = 0;

  constructor(way: readonly string[]) {
    const command = `${setUp} && exec "$0" "$@"`;
    this.#process = new LineProcess('unshare', [...way, 'sh', '-c', command, process.execPath, '--conditions', 'development', '--import', 'tsx', program, host], {
      line: (value) => {
        const { id, value: answer, error } = value as { readonly id: number; readonly value?: unknown; readonly error?: string }; // of the program
        if (error === undefined) this.#waiting.get(id)?.resolve(answer);
        else this.#waiting.get(id)?.reject(new Error(error));
      },
      end: (error) => {
        for (const { reject } of this.#waiting.values()) reject(error);
      },
    });
    this[Symbol.asyncDispose] = () => this.#process.stop();
  }

  ask<Name extends keyof NetworkCommands>(ask: Name, options: Parameters<NetworkCommands[Name]>[0]): ReturnType<NetworkCommands[Name]> {
    const id = ++this.#asked;
    const asked: Asked = { id, ask, options };
    const answer = new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      this.#process.write(asked);
    }).finally(() => this.#waiting.delete(id));
    return answer as ReturnType<NetworkCommands[Name]>; // the program answers so
  }

  declare [Symbol.asyncDispose]: () => Promise<void>;
}
