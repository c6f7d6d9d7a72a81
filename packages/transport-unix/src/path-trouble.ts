import { access, constants, lstat, stat } from 'node:fs/promises';
import { dirname, isAbsolute } from 'node:path';
import { errorCode } from '@rpcxjs/transport-tcp';

// The size of sun_path, without its end.
const longestPathBytes = process.platform === 'linux' ? 107 : 103;

/** The error for a path that no system takes for a socket file. */
export function impossiblePath(path: string): Error | undefined {
  if (path === '') return new Error('its path is empty: write one, for example unix@/run/orders.sock');
  // The system would end the path there, and listen somewhere else.
  if (path.includes('\0')) return new Error('its path holds a zero byte, which no file name can: give the path of a file, abstract sockets are not supported');
  const bytes = Buffer.byteLength(path);
  // Node 20 silently cuts off a longer path, and would listen somewhere else (libuv, uv_pipe_bind).
  return bytes <= longestPathBytes ? undefined : new Error(`its path has ${bytes} bytes, the system takes ${longestPathBytes}: choose a shorter one`);
}

/** The error with a better explanation: for a plain file the system only says that nobody listens there, and for a missing folder that it may not be written to. */
export async function dialTrouble(cause: unknown, path: string): Promise<unknown> {
  const code = errorCode(cause);
  const say = (sentence: string): Error => new Error(`${code ?? ''}, ${sentence}`, { cause });
  if (code === 'ENOTDIR') return say('a part of its path is a file and no folder: check the path');
  if (code === 'EACCES') return say('not permitted: this user needs write permission on the socket file, and execute permission on its folders');
  if (code === 'EAGAIN') return say('somebody listens there, and the queue of those who wait for it is full: is that process stopped or busy? try again later');
  if (code === 'ENOENT') return say(`there is no such socket file: is the server running, and is the path right?${isAbsolute(path) ? '' : ` It is taken from ${process.cwd()}`}`);
  if (code !== 'ECONNREFUSED') return cause;
  const file = await stat(path).catch(() => undefined);
  if (file?.isDirectory() === true) return say('a folder is there: give the path of the socket file in it');
  if (file?.isSocket() === false) return say('the file is no socket: check the path');
  return say('nobody listens there, a server that was killed left the socket file behind: start the server again, it replaces the file');
}

/** As `dialTrouble`, for whoever wanted to listen, or to remove what was left behind. */
export async function listenTrouble(cause: unknown, path: string): Promise<unknown> {
  const code = errorCode(cause);
  const say = (sentence: string, said = code): Error => new Error(`${said ?? ''}, ${sentence}`, { cause });
  const folder = dirname(path);
  if (code === 'ENOTDIR') return say('a part of its path is a file and no folder: check the path');
  if (code === 'EACCES') {
    const there = await stat(folder).then(() => true, (error: unknown) => errorCode(error) !== 'ENOENT');
    return there ? say(`not permitted: this user needs write permission on ${folder}`) : say(`there is no folder ${folder}: make it first, or choose another path`, 'ENOENT');
  }
  if (code === 'EPERM') return say('a server of another user left its socket file there, which only that user may remove: have it removed, or choose another path');
  if (code !== 'EADDRINUSE') return cause;
  const file = await lstat(path).catch(() => undefined);
  if (file?.isSymbolicLink() === true) return say('a link is there, and is left alone: listen where it leads, or remove it');
  if (file?.isDirectory() === true) return say('a folder is there: give the path of a socket file in it');
  if (file?.isSocket() === false) return say('a file is there that is no socket, and is left alone: remove it, or choose another path');
  const mayAsk = await access(path, constants.W_OK).then(() => true, () => false);
  if (!mayAsk) return say('a socket file of another user is there, and this user may not find out whether somebody listens on it: have it removed if nobody does, or choose another path');
  return say(`somebody listens there already: \`fuser ${path}\` says which process; stop it, or choose another path`);
}
