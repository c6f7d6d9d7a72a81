import type { FrameView } from '@rpcxjs/protocol';

/** A session, as an extension sees it. */
export interface ExtensionPort {
  /** A one-way message between peers that agreed; the word is its method, the number is what it is about. */
  sendControl(word: string, sequenceHigh: number, sequenceLow: number): void;
}

/** Something that two of our own peers can do beyond rpcx, once both have said its word. */
export interface Extension {
  /** Name and version as they stand in the offer, for example `cancel.1`. */
  readonly word: string;
  /** A control message with this word; only called between peers that agreed on it. */
  receive?(port: ExtensionPort, frame: FrameView): void;
}
