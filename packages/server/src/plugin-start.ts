import { RpcError, settle, thrownText, type Runtime, type ServerPlugin, type Timer } from '@rpcxjs/core';

declare module '@rpcxjs/core' {
  interface Reasons {
    LISTEN_FAILED: true;
  }
}

/** How long each plugin may take to start. */
const startMs = 30_000;

/** Starts plugins in their order, each once. After a failure it goes on from the plugin that failed. */
export class PluginStart {
  readonly #plugins: readonly ServerPlugin[];
  readonly #runtime: Runtime;
  /** Indexes of the started plugins; by index, because one plugin may be in the list twice. */
  readonly #started = new Set<number>();
  #running: Promise<void> | undefined;
  #closed: RpcError | undefined;
  #cut: ((error: RpcError) => void) | undefined;

  constructor(plugins: readonly ServerPlugin[], runtime: Runtime) {
    this.#plugins = plugins;
    this.#runtime = runtime;
  }

  /** Rejects with LISTEN_FAILED for a plugin that failed or takes longer than 30 s, or with the error of `close`. */
  run(): Promise<void> {
    const again = (error: unknown): never => {
      this.#running = undefined;
      throw error;
    };
    return (this.#running ??= this.#startAll().catch(again));
  }

  /** Rejects everybody who waits for a start, and begins no other. */
  close(error: RpcError): void {
    this.#closed = error;
    this.#cut?.(error);
  }

  async #startAll(): Promise<void> {
    // Not in the same turn: a plugin that has its own server listen while it starts waits for itself.
    await Promise.resolve();
    for (const [place, plugin] of this.#plugins.entries()) {
      if (this.#closed !== undefined) throw this.#closed;
      // A plugin that took too long may have started in the meantime.
      if (!this.#started.has(place)) await this.#start(plugin, place);
    }
  }

  async #start(plugin: ServerPlugin, place: number): Promise<void> {
    const failed = (thrown: unknown): never => {
      throw failure(plugin, `: ${thrownText(thrown)}`, thrown);
    };
    const starting = settle(() => plugin.start?.(this.#runtime), () => this.#started.add(place), failed);
    if (!(starting instanceof Promise)) return;
    let timer: Timer | undefined;
    const cut = new Promise<never>((_resolve, reject) => {
      this.#cut = reject;
      timer = this.#runtime.clock.setTimer(() => reject(failure(plugin, ` within ${startMs} ms; see what it waits for, then listen again`)), startMs);
    });
    try {
      await Promise.race([starting, cut]);
    } finally {
      timer?.cancel();
      this.#cut = undefined;
    }
  }
}

function failure({ name }: ServerPlugin, how: string, cause?: unknown): RpcError {
  return new RpcError('unavailable', `the server does not listen: its plugin "${name}" did not start${how}`, { reason: 'LISTEN_FAILED', cause });
}
