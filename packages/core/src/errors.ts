/** What the caller may do about it: gRPC's sixteen names, so that nobody has to learn new ones. */
export type Code =
  | 'canceled' | 'unknown' | 'invalid_argument' | 'deadline_exceeded' | 'not_found' | 'already_exists'
  | 'permission_denied' | 'resource_exhausted' | 'failed_precondition' | 'aborted' | 'out_of_range'
  | 'unimplemented' | 'internal' | 'unavailable' | 'data_loss' | 'unauthenticated';

/** What exactly happened. Packages add theirs by declaration merging; docs/errors.md lists each one, and a test keeps the two in step. */
export interface Reasons {
  NO_INSTANCE: true; CONNECT_FAILED: true; CONNECTION_LOST: true; CLOSED: true;
  FRAME_TOO_LARGE: true; BAD_FRAME: true; BAD_PAYLOAD: true;
  UNKNOWN_CODEC: true; UNKNOWN_COMPRESSOR: true; UNKNOWN_SERVICE: true; UNKNOWN_METHOD: true;
  TOO_LARGE: true; TIMEOUT: true; ABORTED: true; OVERLOADED: true; PEER_SILENT: true; UNAUTHENTICATED: true;
  INVALID_INPUT: true; INVALID_OUTPUT: true; HANDLER_THREW: true; UNSUPPORTED: true; RESERVED_NAME: true;
}
export type Reason = keyof Reasons;

const brand = Symbol.for('@rpcxjs/core/RpcError');

export interface Attempted {
  readonly address: string | undefined;
  readonly error: unknown;
  readonly durationMs: number;
}
export interface RpcErrorInit<Details = unknown> {
  readonly reason?: Reason | undefined;
  readonly details?: Details | undefined;
  readonly cause?: unknown;
  readonly metadata?: Readonly<Record<string, string>> | undefined;
  /** True when the error came from the other side. */
  readonly remote?: boolean | undefined;
  /** False: no byte of the call left this process, so that trying again is always safe. */
  readonly sent?: boolean | undefined;
  readonly address?: string | undefined;
  readonly retryAfterMs?: number | undefined;
  readonly attempts?: readonly Attempted[] | undefined;
}

export class RpcError<C extends string = Code, Details = unknown> extends Error {
  override readonly name = 'RpcError';
  declare readonly code: C;
  declare readonly reason: Reason | undefined;
  declare readonly details: Details | undefined;
  declare readonly metadata: Readonly<Record<string, string>> | undefined;
  declare readonly remote: boolean;
  declare readonly sent: boolean;
  declare readonly address: string | undefined;
  declare readonly retryAfterMs: number | undefined;
  declare readonly attempts: readonly Attempted[] | undefined;

  constructor(code: C, message: string, init: RpcErrorInit<Details> = {}) {
    super(message, init.cause === undefined ? undefined : init);
    this.code = code;
    this.reason = init.reason;
    this.details = init.details;
    this.metadata = init.metadata;
    this.remote = init.remote ?? false;
    this.sent = init.sent ?? true;
    this.address = init.address;
    this.retryAfterMs = init.retryAfterMs;
    this.attempts = init.attempts;
    Object.defineProperty(this, brand, { value: true });
    // JSON, and so most loggers, would leave it out.
    Object.defineProperty(this, 'message', { enumerable: true });
  }

  /** Also true for an error made by another copy or version of this package. Never throws, whatever a handler threw. */
  static is(value: unknown): value is RpcError {
    try {
      return typeof value === 'object' && value !== null && brand in value;
    } catch {
      return false; // a Proxy that is revoked or refuses to be looked at
    }
  }
}
