import { formatAddress, type Connection } from '@rpcxjs/core';
import type { ResolvedServerOptions } from './server-options.ts';

/** Asks the plugins in their order whether a connection may come in; they have as long as a connection has for its first byte. */
export class Doorkeeper {
  readonly #options: ResolvedServerOptions;
  readonly #refusals = new Set<() => void>();
  /** Whether any plugin judges connections. Most servers have none, and then a connection starts without waiting. */
  readonly asks: boolean;

  constructor(options: ResolvedServerOptions) {
    this.#options = options;
    this.asks = options.plugins.some((plugin) => plugin.acceptConnection);
  }

  /** Connections that plugins have not let in yet. */
  get waiting(): number {
    return this.#refusals.size;
  }

  /** The connection to use, undefined when it is refused. */
  async ask(connection: Connection): Promise<Connection | undefined> {
    let refuse!: () => void;
    const refused = new Promise<undefined>((resolve) => (refuse = () => resolve(undefined)));
    this.#refusals.add(refuse);
    const { limits, runtime } = this.#options;
    const timer = limits.firstByteMs === Infinity ? undefined : runtime.clock.setTimer(() => this.#late(connection, refuse), limits.firstByteMs);
    const asked = this.#ask(connection, () => this.#refusals.has(refuse));
    const answer = await Promise.race([asked, refused]);
    timer?.cancel();
    this.#refusals.delete(refuse);
    if (answer === undefined) void asked.then((late) => late?.abort());
    return answer;
  }

  /** Refuses all further connections. */
  close(): void {
    for (const refuse of this.#refusals) refuse();
  }

  #late(connection: Connection, refuse: () => void): void {
    const remote = connection.remote === undefined ? undefined : formatAddress(connection.remote);
    this.#options.runtime.logger.warn({ remote, afterMs: this.#options.limits.firstByteMs }, 'a plugin took too long to accept a connection, which is refused');
    refuse();
  }

  async #ask(connection: Connection, wanted: () => boolean): Promise<Connection | undefined> {
    let current: Connection | undefined = connection;
    for (const plugin of this.#options.plugins) {
      if (current === undefined || !wanted()) break;
      if (plugin.acceptConnection === undefined) continue;
      try {
        current = await plugin.acceptConnection(current);
        if (current !== undefined && typeof current?.start !== 'function') throw new TypeError('acceptConnection returned what is no connection');
      } catch (error) {
        this.#options.runtime.logger.warn({ plugin: plugin.name, err: error }, 'a plugin failed to accept a connection, which is refused');
        return undefined;
      }
    }
    return current;
  }
}
