import type { FrameView } from '@rpcxjs/protocol';
import type { RpcxSession } from './rpcx-session.ts';

/** Something that two of our own peers can do beyond rpcx, once both have said its word. */
export interface Extension {
  /** Name and version as they stand in the offer, for example `cancel.1`. */
  readonly word: string;
  /** A control message with this word; only called between peers that agreed on it. */
  receive?(session: RpcxSession, frame: FrameView): void;
}
