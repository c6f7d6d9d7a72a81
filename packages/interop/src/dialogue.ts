import { LineProcess } from './line-process.ts';

/** A program that says one line when it is ready, and then answers commands, each by its number. */
export class Dialogue implements AsyncDisposable {
  readonly process: LineProcess;
  readonly #waiting = new Map<number, { resolve(value: unknown): void; reject(error: Error): void }>();
  #lastId = 0;

  private constructor(program: string, args: readonly string[], ready: { resolve(): void; reject(error: Error): void }) {
    this.process = new LineProcess(program, args, {
      line: (value) => {
        const { id } = value as { id?: number }; // what such a program writes
        if (id === undefined) ready.resolve();
        else this.#waiting.get(id)?.resolve(value);
      },
      end: (error) => {
        ready.reject(error);
        for (const { reject } of this.#waiting.values()) reject(error);
      },
    });
    this[Symbol.asyncDispose] = (): Promise<void> => this.process.stop();
  }

  /** Resolves when the program is ready. */
  static start(program: string, args: readonly string[]): Promise<Dialogue> {
    return new Promise((resolve, reject) => {
      const dialogue: Dialogue = new Dialogue(program, args, { resolve: () => { resolve(dialogue); }, reject });
    });
  }

  /** Sends one command and resolves with its answer, whose type the caller names. */
  ask<T>(command: object): Promise<T> {
    const id = (this.#lastId += 1);
    return new Promise<unknown>((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      this.process.write({ id, ...command });
    }).finally(() => this.#waiting.delete(id)) as Promise<T>;
  }

  declare [Symbol.asyncDispose]: () => Promise<void>;
}

/** A running Go rpcx server. */
export interface GoListener extends AsyncDisposable {
  /** rpcx form: `kcp@127.0.0.1:8972`. */
  readonly address: string;
  readonly process: LineProcess;
}

/** Starts a server that says in one line where it listens; `network` is what rpcx calls its network. */
export function startListener(program: string, args: readonly string[], network: string): Promise<GoListener> {
  return new Promise((resolve, reject) => {
    const process: LineProcess = new LineProcess(program, args, {
      line(value) {
        const { address } = value as { address: string }; // the one line that such a program writes
        resolve({ address: `${network}@${address}`, process, [Symbol.asyncDispose]: () => process.stop() });
      },
      end: reject,
    });
  });
}
