import { connect } from 'node:net';
import { onAbort, splitHostPort } from '@rpcxjs/core';

const longestAnswer = 4096;

/**
 * The first server that answers as a ZooKeeper does; rejects with what the first one said when none does. Asked before the library is: it takes whatever answers for a
 * ZooKeeper, and the first bytes of it for a length.
 */
export async function answeringServer(servers: readonly string[], signal: AbortSignal): Promise<string> {
  const over = new AbortController();
  const unlink = onAbort(signal, (reason) => over.abort(reason));
  const asked = servers.map((server) => isZooKeeper(server, over.signal).then(() => server));
  try {
    return await Promise.any(asked).catch(() => asked[0] as Promise<string>); // there is one server at least
  } finally {
    unlink();
    over.abort(new Error('another one answered'));
  }
}

/** A server that does not allow `ruok` says so, which is an answer too. */
function isZooKeeper(server: string, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect(splitHostPort(server));
    const unlink = onAbort(signal, (reason) => end(() => reject(reason)));
    let said = '';
    const end = (settle: () => void): void => {
      unlink();
      settle();
      socket.destroy();
    };
    const judge = (): void => end(() => (/^imok|ruok is not executed|not currently serving requests/.test(said) ? resolve() : reject(new Error(`what runs there is no ZooKeeper: it said ${JSON.stringify(said.slice(0, 60))}`))));
    socket.once('connect', () => socket.write('ruok'));
    socket.on('error', (error) => end(() => reject(error)));
    socket.once('close', judge);
    socket.on('data', (chunk: Buffer) => {
      said += chunk.toString('latin1');
      // Another server may go on waiting for the rest of a line.
      if (said.startsWith('imok') || said.length > longestAnswer || !/^(imok|ruok|This)/.test(said.slice(0, 4))) judge();
    });
  });
}
