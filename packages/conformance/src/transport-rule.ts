import type { TransportRig } from './transport-rig.ts';

/** What a transport can do. Each is assumed; set the ones to false that it cannot. */
export interface TransportSupports {
  /** The other side of an `abort` can tell it from a clean end. @default true */
  readonly abortIsError?: boolean | undefined;
  /** The other side of an `abort` hears of it soon; false where the only word of it may get lost, as through a proxy that loses datagrams. @default true */
  readonly abortIsHeard?: boolean | undefined;
  /** A second `listen` on the same address is refused. @default true */
  readonly exclusiveListen?: boolean | undefined;
  /** Thousand connections may be opened one after the other in the time of a test. @default true */
  readonly manyConnections?: boolean | undefined;
}

/** A case of a transport, before it is bound to one. */
export interface TransportRule {
  readonly name: string;
  /** Said when the deadline passes. */
  readonly late: string;
  readonly long?: boolean | undefined;
  readonly needs?: keyof TransportSupports | readonly (keyof TransportSupports)[] | undefined;
  /** Not for a way with something between the two sides. */
  readonly straight?: boolean | undefined;
  check(rig: TransportRig): Promise<void>;
}
