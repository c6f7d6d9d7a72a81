import { onAbort, parseAddress, RpcError, type Connection } from '@rpcxjs/core';
import type { ResolvedClientOptions } from './client-options.ts';
import { unknownNetwork } from './resolved-options.ts';

/** A dial that takes this many milliseconds counts as slow: it gives its place to others, and calls go to servers that are connected. */
export const slowDialMs = 500;

/** How one connection is opened. */
export interface LinkDial {
  readonly address: string;
  readonly options: ResolvedClientOptions;
  /** Aborting it ends the dial; it is aborted when that takes too long. */
  readonly abort: AbortController;
  /** Whether the server failed before, so that others go first. */
  readonly failedBefore: boolean;
  /** Is told when it has taken `slowDialMs`, waiting for its turn not counted. */
  slow(): void;
}

/** Waits for its turn, opens one connection within its time limit, and lets the plugins wrap it. A connection that comes too late is ended. */
export async function openConnection(dial: LinkDial): Promise<Connection> {
  const { dials, link, runtime } = dial.options;
  const { signal } = dial.abort;
  const turn = dials.enter(dial.failedBefore);
  if (turn !== undefined) await turn;
  const { connectTimeoutMs } = link.pool;
  let gaveWay = false;
  const slow = runtime.clock.setTimer(() => {
    gaveWay = dials.giveWay();
    dial.slow();
  }, slowDialMs);
  try {
    if (signal.aborted) throw signal.reason;
    return await new Promise<Connection>((resolve, reject) => {
      const timer = connectTimeoutMs === Infinity ? undefined : runtime.clock.setTimer(() => dial.abort.abort(tooSlow(dial.address, connectTimeoutMs)), connectTimeoutMs);
      const unlink = onAbort(signal, (reason) => {
        timer?.cancel();
        reject(reason);
      });
      const settle = (): void => {
        timer?.cancel();
        unlink();
      };
      connect(dial).then(
        (connection) => {
          settle();
          if (signal.aborted) connection.abort();
          else resolve(connection);
        },
        (error: unknown) => {
          settle();
          reject(error);
        },
      );
    });
  } finally {
    slow.cancel();
    dials.leave(gaveWay);
  }
}

async function connect({ address: text, options, abort }: LinkDial): Promise<Connection> {
  const { transports, plugins, runtime } = options;
  const address = parseAddress(text);
  const dialer = transports.find(({ networks }) => networks.includes(address.network));
  if (dialer === undefined) throw new RpcError('unavailable', unknownNetwork(address.network, transports), { reason: 'CONNECT_FAILED', sent: false });
  let connection = await dialer.dial(address, { signal: abort.signal, runtime });
  if (plugins.length === 0) return connection;
  // A plugin may never come back.
  const unlink = onAbort(abort.signal, () => connection.abort());
  try {
    for (const plugin of plugins) {
      if (abort.signal.aborted) throw abort.signal.reason;
      if (plugin.connectionOpened === undefined) continue;
      const wrapped = await plugin.connectionOpened(connection);
      if (typeof wrapped?.start !== 'function') throw new TypeError(`connectionOpened of the plugin "${plugin.name}" returned what is no connection`);
      connection = wrapped;
    }
  } catch (error) {
    connection.abort();
    throw error;
  } finally {
    unlink();
  }
  return connection;
}

function tooSlow(address: string, afterMs: number): RpcError {
  return new RpcError('unavailable', `it took longer than ${afterMs} ms to connect, with what the plugins did; see whether the host is up, or raise pool.connectTimeoutMs`, { reason: 'CONNECT_FAILED', sent: false, address });
}
