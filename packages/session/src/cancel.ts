import type { Extension, ExtensionPort } from './extension.ts';

/** The control message by which a caller tells that it no longer waits. Its sequence number is the call's; it has no payload. */
export const cancelWord = 'cancel.1';

/** `cancelled` is told on the side that runs the call. */
export function cancelExtension(cancelled?: (port: ExtensionPort, sequenceHigh: number, sequenceLow: number) => void): Extension {
  return {
    word: cancelWord,
    receive: (port, frame) => cancelled?.(port, frame.sequenceHigh, frame.sequenceLow),
  };
}

/** Errors with code, reason and details, in the metadata of error replies; there is no control message. */
export const errorsWord = 'errors.1';
export const errorsExtension: Extension = { word: errorsWord };
