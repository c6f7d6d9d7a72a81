import { onAbort } from '@rpcxjs/core';

/** What `work` comes to, or the signal's reason when that aborts first: for libraries that cannot be interrupted, whose work then goes on by itself. */
export function abortable<T>(signal: AbortSignal, work: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const unlink = onAbort(signal, reject);
    work.then(resolve, reject).finally(unlink);
  });
}
