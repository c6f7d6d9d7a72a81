import type { Acceptor, Connection, Listener, RpcError, ServerPlugin } from '@rpcxjs/core';
import { formatAddress, parseAddress } from '@rpcxjs/core';
import { cancelExtension, createTraffic, addTraffic, errorsExtension, type RpcxSession, type Traffic } from '@rpcxjs/session';
import { ConnectedPeer } from './connected-peer.ts';
import type { PeerServices } from './peer-services.ts';

/** The server's listeners and the peers that came through them. */
export class Connections {
  readonly #services: PeerServices;
  readonly #listeners: Listener[] = [];
  readonly #peers = new Map<RpcxSession, ConnectedPeer>();
  readonly #ended: Traffic = createTraffic();
  #accepted = 0;
  readonly #extensions = [
    cancelExtension((session, sequenceHigh, sequenceLow) => this.#peers.get(session)?.dispatcher.cancelled(sequenceHigh, sequenceLow)),
    errorsExtension,
  ];

  constructor(services: PeerServices) {
    this.#services = services;
  }

  get peers(): IterableIterator<ConnectedPeer> {
    return this.#peers.values();
  }
  get count(): number {
    return this.#peers.size;
  }
  get traffic(): Traffic {
    const sum = { ...this.#ended };
    for (const session of this.#peers.keys()) addTraffic(sum, session.traffic);
    return sum;
  }

  /** Throws TypeError when no transport knows the address's network. */
  async listen(text: string): Promise<string> {
    const address = parseAddress(text);
    const { transports, runtime } = this.#services.options;
    const acceptor = transports.find(({ networks }) => networks.includes(address.network));
    if (acceptor === undefined) throw new TypeError(unknownNetwork(address.network, transports));
    const listener = await acceptor.listen(address, { runtime, accept: (connection) => void this.#accept(connection) });
    this.#listeners.push(listener);
    return formatAddress(listener.address);
  }

  async stopListening(): Promise<void> {
    await Promise.all(this.#listeners.splice(0).map((listener) => listener.close()));
  }

  forget(peer: ConnectedPeer, reason: RpcError | undefined): void {
    this.#peers.delete(peer.session);
    addTraffic(this.#ended, peer.session.traffic);
    observe(this.#services, (plugin) => plugin.connectionClosed?.(peer.session.connection, reason));
  }

  async #accept(connection: Connection): Promise<void> {
    const { options, counters } = this.#services;
    if (this.#peers.size >= options.limits.maxConnections || this.#services.draining()) {
      counters.connectionsRefused += 1;
      connection.abort();
      return;
    }
    // Most servers have no such plugin, and a connection that starts at once loses no turn.
    const admitted = options.plugins.some((plugin) => plugin.acceptConnection) ? await this.#admit(connection) : connection;
    if (admitted === undefined) {
      counters.connectionsRefused += 1;
      connection.abort();
      return;
    }
    counters.connectionsAccepted += 1;
    this.#accepted += 1;
    const peer = new ConnectedPeer(String(this.#accepted), admitted, this.#services, this.#extensions);
    this.#peers.set(peer.session, peer);
    peer.session.start();
  }

  async #admit(connection: Connection): Promise<Connection | undefined> {
    let current: Connection | undefined = connection;
    for (const plugin of this.#services.options.plugins) {
      if (current === undefined) return undefined;
      if (plugin.acceptConnection === undefined) continue;
      try {
        current = await plugin.acceptConnection(current);
      } catch (error) {
        this.#services.options.runtime.logger.warn({ plugin: plugin.name, error }, 'a plugin failed to accept a connection, which is refused');
        return undefined;
      }
    }
    return current;
  }
}

/** Observers that throw are logged and forgotten. */
export function observe(services: PeerServices, tell: (plugin: ServerPlugin) => unknown): void {
  const { plugins, runtime } = services.options;
  const failed = (plugin: ServerPlugin, error: unknown) => runtime.logger.warn({ plugin: plugin.name, error }, 'a plugin threw');
  for (const plugin of plugins) {
    try {
      const told = tell(plugin);
      if (told instanceof Promise) told.catch((error: unknown) => failed(plugin, error));
    } catch (error) {
      failed(plugin, error);
    }
  }
}

function unknownNetwork(network: string, transports: readonly Acceptor[]): string {
  const known = transports.flatMap(({ networks }) => networks).join(', ') || 'none';
  return `no transport listens on the network "${network}" (known: ${known}): give one to the server's transports`;
}
