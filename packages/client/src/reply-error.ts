import { RpcError, type Code, type Reason } from '@rpcxjs/core';
import { readMetadata, reserved, type FrameView } from '@rpcxjs/protocol';

interface Meaning {
  readonly code: Code;
  readonly reason: Reason | undefined;
}

// Go puts the arguments and a stack into it; our servers send 8 KiB at most.
const longestText = 8192;

/** What the texts of a Go server mean (rpcx server/server_dispatch.go, share/errors.go, serverplugin). Anything else is `unknown`. */
export function meaningOfText(text: string): Meaning {
  if (text.startsWith("rpcx: can't find service ")) return { code: 'unimplemented', reason: 'UNKNOWN_SERVICE' };
  if (text.startsWith("rpcx: can't find method ")) return { code: 'unimplemented', reason: 'UNKNOWN_METHOD' };
  if (text.startsWith('can not find codec for ')) return { code: 'unimplemented', reason: 'UNKNOWN_CODEC' };
  if (text === 'request reached rate limit') return { code: 'resource_exhausted', reason: 'OVERLOADED' };
  // What `ctx.Err()` is for a handler that obeys the deadline it was told, which ends a moment before the caller's.
  if (text === 'context deadline exceeded') return { code: 'deadline_exceeded', reason: 'TIMEOUT' };
  if (text === 'server refused the connection') return { code: 'permission_denied', reason: undefined };
  if (text.startsWith('[service internal error]: ')) return { code: 'internal', reason: 'HANDLER_THREW' };
  return { code: 'unknown', reason: undefined };
}

/** What a reply with error status says. */
export interface ReplyError {
  readonly error: RpcError<string>;
  /** The server did not run the call, so that another one may. */
  readonly refused: boolean;
  /** It says that the server will go, which counts if both sides agreed on saying so. */
  readonly draining: boolean;
}

/** `structured` when both sides agreed on errors with a code. */
export function replyError(frame: FrameView, structured: boolean, address: string): ReplyError {
  const metadata = readMetadata(frame.bytes, frame.metadataStart, frame.metadataEnd);
  // Go's `errors.New("")` has a text without characters.
  const text = (metadata[reserved.error] || 'the server replied with an error and did not say which').slice(0, longestText);
  const detail = structured ? parse(metadata[reserved.structuredError] ?? '') : undefined;
  const draining = metadata[reserved.drain] !== undefined;
  delete metadata[reserved.error];
  delete metadata[reserved.structuredError];
  delete metadata[reserved.drain];
  const { code, reason, ...rest } = detail ?? meaningOfText(text);
  return { error: new RpcError(code, text, { ...rest, reason, metadata, remote: true, address }), refused: detail?.unrun === true, draining };
}

interface Structured {
  readonly code: string;
  readonly reason: Reason | undefined;
  readonly details?: unknown;
  readonly retryAfterMs?: number | undefined;
  readonly unrun: boolean;
}
function parse(json: string): Structured | undefined {
  try {
    const value = JSON.parse(json) as Readonly<Record<string, unknown>> | null; // checked field by field
    if (typeof value?.['code'] !== 'string') return undefined;
    const { code, reason, details, retryAfterMs, unrun } = value;
    return {
      code,
      reason: typeof reason === 'string' ? (reason as Reason) : undefined, // another version may know more reasons
      details,
      unrun: unrun === true,
      retryAfterMs: typeof retryAfterMs === 'number' && retryAfterMs >= 0 && retryAfterMs < Infinity ? retryAfterMs : undefined,
    };
  } catch {
    return undefined;
  }
}
