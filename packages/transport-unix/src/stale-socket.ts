import { lstatSync, unlinkSync } from 'node:fs';
import type { Stats } from 'node:fs';
import { connect } from 'node:net';
import { errorCode } from '@rpcxjs/transport-tcp';

/** Removes a socket file that its server left behind. True when it is gone; a file that is no socket, or that somebody listens on, stays. */
export async function removeStaleSocket(path: string): Promise<boolean> {
  const seen = look(path);
  if (seen === undefined) return true;
  if (!seen.isSocket() || (await isListening(path))) return false;
  // Another server may have put its own file there meanwhile. Synchronously, so that it has next to no time to do so between the look and the deed.
  const now = look(path);
  if (now === undefined) return true;
  if (now.ino !== seen.ino || now.ctimeMs !== seen.ctimeMs) return false;
  unlinkSync(path);
  return true;
}

function look(path: string): Stats | undefined {
  try {
    return lstatSync(path);
  } catch {
    return undefined;
  }
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
