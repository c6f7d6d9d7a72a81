import type { Acceptor, Connection, Listener } from '@rpcxjs/core';
import { formatAddress, parseAddress, RpcError } from '@rpcxjs/core';
import { addTraffic, cancelExtension, createTraffic, drainExtension, errorsExtension, type ExtensionPort, observe, type RpcxSession, type Traffic } from '@rpcxjs/session';
import { ConnectedPeer } from './connected-peer.ts';
import { Doorkeeper } from './doorkeeper.ts';
import type { PeerServices } from './peer-services.ts';

/** The server's listeners and the peers that came through them. */
export class Connections {
  readonly #services: PeerServices;
  readonly #door: Doorkeeper;
  readonly #listeners: Listener[] = [];
  readonly #peers = new Map<ExtensionPort, ConnectedPeer>();
  readonly #ended: Traffic = createTraffic();
  #accepted = 0;
  readonly #extensions = [
    cancelExtension((port, sequenceHigh, sequenceLow) => this.#peers.get(port)?.dispatcher.cancelled(sequenceHigh, sequenceLow)),
    errorsExtension,
    drainExtension((port) => {
      const peer = this.#peers.get(port);
      if (peer !== undefined) peer.unanswered = false;
      this.#services.left();
    }),
  ];

  constructor(services: PeerServices) {
    this.#services = services;
    this.#door = new Doorkeeper(services.options);
  }

  get peers(): IterableIterator<ConnectedPeer> {
    return this.#peers.values();
  }
  get count(): number {
    return this.#peers.size;
  }
  get traffic(): Traffic {
    const sum = { ...this.#ended };
    for (const { session } of this.#peers.values()) addTraffic(sum, session.traffic);
    return sum;
  }

  /** Listens on all of the addresses, or on none if one fails. Throws TypeError when no transport knows an address's network. */
  async listen(texts: readonly string[]): Promise<readonly string[]> {
    const opened: Listener[] = [];
    try {
      for (const text of texts) opened.push(await this.#open(text));
      if (this.#services.leaving()) throw new RpcError('failed_precondition', 'the server was closed before it listened', { reason: 'CLOSED' });
    } catch (error) {
      for (const listener of opened) await listener.close();
      throw error;
    }
    this.#listeners.push(...opened);
    return opened.map(({ address }) => formatAddress(address));
  }

  async stopListening(): Promise<void> {
    this.#door.close();
    const { logger } = this.#services.options.runtime;
    const failed = (error: unknown) => logger.warn({ err: error }, 'a listener failed to close');
    await Promise.all(this.#listeners.splice(0).map((listener) => listener.close().catch(failed)));
  }

  forget(session: RpcxSession, reason: RpcError | undefined): void {
    this.#peers.delete(session);
    addTraffic(this.#ended, session.traffic);
    const { options, counters } = this.#services;
    const { connection } = session;
    const ours = reason?.reason;
    if (ours === 'BAD_FRAME' || ours === 'FRAME_TOO_LARGE') counters.protocolErrors += 1;
    if (ours !== undefined && ours !== 'CONNECTION_LOST' && ours !== 'CLOSED') {
      // Logged, because the other side only sees that the connection ended.
      const remote = connection.remote === undefined ? undefined : formatAddress(connection.remote);
      options.runtime.logger.warn({ remote, err: reason }, 'a connection was ended for what its peer did');
    }
    observe(options.plugins, options.runtime, (plugin) => plugin.connectionClosed?.(connection, reason));
  }

  #open(text: string): Promise<Listener> {
    const address = parseAddress(text);
    const { transports, runtime } = this.#services.options;
    const acceptor = transports.find(({ networks }) => networks.includes(address.network));
    if (acceptor === undefined) throw new TypeError(unknownNetwork(address.network, transports));
    return acceptor.listen(address, { runtime, accept: (connection) => void this.#accept(connection) });
  }

  async #accept(connection: Connection): Promise<void> {
    const { options, counters } = this.#services;
    const full = this.#peers.size + this.#door.waiting >= options.limits.maxConnections;
    const admitted = full || this.#services.draining() ? undefined : this.#door.asks ? await this.#door.ask(connection) : connection;
    if (admitted === undefined || this.#services.draining()) {
      counters.connectionsRefused += 1;
      (admitted ?? connection).abort();
      return;
    }
    counters.connectionsAccepted += 1;
    this.#accepted += 1;
    const peer = new ConnectedPeer(String(this.#accepted), admitted, this.#services, this.#extensions);
    this.#peers.set(peer.session, peer);
    try {
      peer.session.start();
    } catch (error) {
      // A plugin's mistake: it may have started the connection itself.
      options.runtime.logger.error({ err: error }, 'a connection that a plugin let in cannot be used, and is refused');
      connection.abort();
      peer.session.fail(new RpcError('internal', 'the connection cannot be used', { reason: 'CLOSED', cause: error }));
    }
  }
}

function unknownNetwork(network: string, transports: readonly Acceptor[]): string {
  const known = transports.flatMap(({ networks }) => networks).join(', ') || 'none';
  return `no transport listens on the network "${network}" (known: ${known}): give one to the server's transports`;
}
