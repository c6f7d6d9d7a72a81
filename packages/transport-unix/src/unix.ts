import { chmod } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import type { Address, Listener, ListenOptions, Transport } from '@rpcxjs/core';
import { connectFailed, dialSocket, errorCode, listenFailed, listenSocket } from '@rpcxjs/transport-tcp';
import { removeStaleSocket } from './stale-socket.ts';
import { resolveUnixOptions } from './unix-options.ts';
import type { ResolvedUnixOptions, UnixOptions } from './unix-options.ts';

// The system answers at once; only a server whose queue is full makes it wait.
const connectTimeoutMs = 3000;
// The size of sun_path, without its end.
const longestPathBytes = process.platform === 'linux' ? 107 : 103;

/**
 * The transport of `unix@/path/to/socket`. A socket file that a dead server left is replaced, one that somebody listens on is not; `close()` of
 * the listener removes it. Throws TypeError for options that cannot work.
 */
export function unix(options: UnixOptions = {}): Transport {
  const resolved = resolveUnixOptions(options);
  return {
    networks: ['unix'],
    async dial(address, dialOptions) {
      const tooLong = lengthError(address.host);
      if (tooLong !== undefined) throw connectFailed(tooLong, address);
      return dialSocket({
        address,
        connectTimeoutMs,
        closeTimeoutMs: resolved.closeTimeoutMs,
        resets: false,
        open: (onread) => connect({ path: address.host, allowHalfOpen: true, onread }),
        ends: () => ({ local: undefined, remote: address }),
      }, dialOptions);
    },
    async listen(address, listenOptions) {
      const tooLong = lengthError(address.host);
      if (tooLong !== undefined) throw listenFailed(tooLong, address);
      try {
        return await listenOnce(address, resolved, listenOptions);
      } catch (error) {
        const taken = error instanceof Error && errorCode(error.cause) === 'EADDRINUSE';
        if (!taken || !(await removeStaleSocket(address.host))) throw error;
        return listenOnce(address, resolved, listenOptions);
      }
    },
  };
}

/** Node 20 cuts a longer path off without a word, and would listen somewhere else (libuv, uv_pipe_bind). */
function lengthError(path: string): Error | undefined {
  const bytes = Buffer.byteLength(path);
  return bytes <= longestPathBytes ? undefined : new Error(`its path has ${bytes} bytes, the system takes ${longestPathBytes}: choose a shorter one`);
}

async function listenOnce(address: Address, options: ResolvedUnixOptions, listenOptions: ListenOptions): Promise<Listener> {
  const listener = await listenSocket({
    address,
    server: createServer({ allowHalfOpen: true, pauseOnConnect: true }),
    secure: false,
    bind: { path: address.host },
    closeTimeoutMs: options.closeTimeoutMs,
    resets: false,
    // A client of a socket file has no name of its own.
    ends: () => ({ local: address, remote: undefined }),
    bound: () => address,
  }, listenOptions);
  if (options.mode === undefined) return listener;
  try {
    await chmod(address.host, options.mode);
    return listener;
  } catch (cause) {
    await listener.close();
    throw listenFailed(cause, address);
  }
}
