import { chmod } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import { isMainThread } from 'node:worker_threads';
import { RpcError } from '@rpcxjs/core';
import type { Address, Listener, ListenOptions, Transport } from '@rpcxjs/core';
import { connectFailed, dialSocket, errorCode, listenFailed, listenSocket } from '@rpcxjs/transport-tcp';
import { dialTrouble, impossiblePath, listenTrouble } from './path-trouble.ts';
import { removeStaleSocket } from './stale-socket.ts';
import { resolveUnixOptions } from './unix-options.ts';
import type { ResolvedUnixOptions, UnixOptions } from './unix-options.ts';

// The system answers at once; only a server whose queue is full makes it wait.
const connectTimeoutMs = 3000;

/**
 * The transport of `unix@/path/to/socket`. A socket file that a dead server left is replaced, one that somebody listens on is not; `close()` of
 * the listener removes it. Throws TypeError for invalid options.
 */
export function unix(options: UnixOptions = {}): Transport {
  const resolved = resolveUnixOptions(options);
  return {
    networks: ['unix'],
    async dial(address, dialOptions) {
      const impossible = impossiblePath(address.host);
      if (impossible !== undefined) throw connectFailed(impossible, address);
      const dialling = dialSocket({
        address,
        connectTimeoutMs,
        closeTimeoutMs: resolved.closeTimeoutMs,
        resets: false,
        open: (onread) => connect({ path: address.host, allowHalfOpen: true, onread }),
        ends: () => ({ local: undefined, remote: address }),
      }, dialOptions);
      try {
        return await dialling;
      } catch (error) {
        if (!RpcError.is(error) || error.cause === undefined) throw error;
        throw connectFailed(await dialTrouble(error.cause, address.host), address);
      }
    },
    async listen(address, listenOptions) {
      const impossible = impossiblePath(address.host);
      if (impossible !== undefined) throw listenFailed(impossible, address);
      try {
        return await listenOrReplace(address, resolved, listenOptions);
      } catch (error) {
        if (!RpcError.is(error) || error.cause === undefined) throw error;
        throw listenFailed(await listenTrouble(error.cause, address.host), address);
      }
    },
  };
}

async function listenOrReplace(address: Address, options: ResolvedUnixOptions, listenOptions: ListenOptions): Promise<Listener> {
  try {
    return await listenOnce(address, options, listenOptions);
  } catch (error) {
    const taken = error instanceof Error && errorCode(error.cause) === 'EADDRINUSE';
    const free = taken && (await removeStaleSocket(address.host).catch((cause: unknown) => { throw listenFailed(cause, address); }));
    if (!free) throw error;
    return listenOnce(address, options, listenOptions);
  }
}

async function listenOnce(address: Address, options: ResolvedUnixOptions, listenOptions: ListenOptions): Promise<Listener> {
  const listener = await withoutStrangers(options.mode, () => listenSocket({
    address,
    server: createServer({ allowHalfOpen: true, pauseOnConnect: true }),
    secure: false,
    // Node takes a number for a port, and then misses the path.
    bind: { path: Number(address.host) >= 0 ? `./${address.host}` : address.host },
    closeTimeoutMs: options.closeTimeoutMs,
    resets: false,
    // A client of a socket file has no name of its own.
    ends: () => ({ local: address, remote: undefined }),
    bound: () => address,
  }, listenOptions));
  if (options.mode === undefined) return listener;
  try {
    await chmod(address.host, options.mode);
    return listener;
  } catch (cause) {
    await listener.close();
    throw listenFailed(cause, address);
  }
}

/** Binds so that nobody can connect whom `mode` is to keep out, before it is set. A worker thread may not change the umask, which is the process's. */
function withoutStrangers<T>(mode: number | undefined, bind: () => T): T {
  if (mode === undefined || !isMainThread) return bind();
  // Back again before any other code runs.
  const before = process.umask(0o077);
  try {
    return bind();
  } finally {
    process.umask(before);
  }
}
