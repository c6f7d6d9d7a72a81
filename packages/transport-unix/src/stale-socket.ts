import { lstat, unlink } from 'node:fs/promises';
import { connect } from 'node:net';
import { errorCode } from '@rpcxjs/transport-tcp';

/** Removes a socket file that its server left behind. True when it did; a file that is no socket, or that somebody listens on, stays. */
export async function removeStaleSocket(path: string): Promise<boolean> {
  const file = await lstat(path).catch(() => undefined);
  if (file?.isSocket() !== true || (await isListening(path))) return false;
  await unlink(path);
  return true;
}

/** Only a refusal shows that nobody listens; anything else, such as a full queue, counts as a listener. */
function isListening(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = connect({ path });
    probe.once('connect', () => {
      probe.destroy();
      resolve(true);
    });
    probe.once('error', (error) => resolve(errorCode(error) !== 'ECONNREFUSED'));
  });
}
