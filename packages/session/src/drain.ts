import type { FrameView } from '@rpcxjs/protocol';
import type { Extension, ExtensionPort } from './extension.ts';

declare module '@rpcxjs/core' {
  interface Reasons {
    DRAINING: true;
  }
}

/**
 * The control message by which a server says goodbye; it has no payload, and its sequence number is one of `drainStage`. The client answers
 * the last of them by the same message, behind everything that it had sent before.
 */
export const drainWord = 'drain.1';

/** What a `drain.1` message says by its number. */
export const drainStage = {
  /** From the server: calls are still run, but others had better get the new ones. */
  leaving: 0,
  /** From the server: nothing that is sent from now on is run. From the client: nothing more comes. */
  last: 1,
} as const;

/** `told` hears the stage: on a client what the server says, on a server a client's answer. */
export function drainExtension(told?: (port: ExtensionPort, stage: number) => void): Extension {
  return {
    word: drainWord,
    receive: (port: ExtensionPort, frame: FrameView) => told?.(port, frame.sequenceLow),
  };
}
