import { fileURLToPath } from 'node:url';
import type { ServerLimits } from '@rpcxjs/server';
import { LineProcess, type ProcessEnd } from './line-process.ts';
import type { WorkBehaviour, WorkReport } from './work.ts';

const program = fileURLToPath(new URL('./work-server-program.ts', import.meta.url));

/** How a server process is started. */
export interface WorkServerSettings {
  readonly name: string;
  /** The file that execution ids are appended to, a line each. */
  readonly log: string;
  readonly address: string;
  /** How long SIGTERM lets calls finish, in milliseconds. */
  readonly graceMs: number;
  /** Options of the server that JSON can carry. */
  readonly server: { readonly limits?: Partial<ServerLimits>; readonly lameDuckMs?: number };
}

/** A Node server in a process of its own that offers `Work`. */
export class WorkServer implements AsyncDisposable {
  readonly process: LineProcess;
  readonly settings: WorkServerSettings;
  readonly address: string;
  readonly #answers: Map<number, (report: WorkReport) => void>;
  #asked = 0;

  private constructor(process: LineProcess, settings: WorkServerSettings, answers: Map<number, (report: WorkReport) => void>) {
    this.process = process;
    this.settings = settings;
    this.address = settings.address;
    this.#answers = answers;
  }

  /** Resolves when it listens. */
  static start(settings: WorkServerSettings): Promise<WorkServer> {
    return new Promise((resolve, reject) => {
      const answers = new Map<number, (report: WorkReport) => void>();
      const child: LineProcess = new LineProcess(process.execPath, ['--import', 'tsx', program, JSON.stringify(settings)], {
        line(value) {
          const { address, answer, report } = value as { address?: string; answer?: number; report: WorkReport }; // of the program beside this file
          if (address !== undefined) resolve(new WorkServer(child, { ...settings, address }, answers));
          else if (answer !== undefined) answers.get(answer)?.(report);
        },
        end: reject,
      });
    });
  }

  /** From the next call on. Resolves when the server knows. */
  async behave(changes: Partial<WorkBehaviour>): Promise<void> {
    await this.#ask({ behave: changes });
  }

  report(): Promise<WorkReport> {
    return this.#ask({});
  }

  /** SIGTERM; resolves when the process has ended by itself. */
  drain(): Promise<ProcessEnd> {
    return this.process.terminate();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.process.stop();
  }

  #ask(command: object): Promise<WorkReport> {
    const id = ++this.#asked;
    return new Promise((resolve, reject) => {
      this.#answers.set(id, resolve);
      this.process.write({ ...command, report: id });
      void this.process.ended.then(() => { reject(new Error(`${this.settings.name} is gone and answers nothing: ${this.process.complaints}`)); });
    });
  }
}
