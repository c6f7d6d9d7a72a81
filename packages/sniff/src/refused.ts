import { RpcError } from '@rpcxjs/core';

declare module '@rpcxjs/core' {
  interface Reasons {
    UNKNOWN_PROTOCOL: true;
  }
}

/** Why a connection was not delivered; the keys of `SniffStats.refused`. */
export type Refused = 'unknown' | 'tooLong' | 'late' | 'crowded' | 'unserved' | 'left' | 'closed';

export interface RefusalFacts {
  readonly bytes: Uint8Array;
  /** The names of the matchers. */
  readonly names: readonly string[];
  readonly timeoutMs: number;
  readonly maxBytes: number;
  readonly maxWaiting: number;
  /** What was recognised, when it was. */
  readonly name?: string | undefined;
}

/** The error that the connection is aborted with. */
export function refusalError(why: Exclude<Refused, 'left'>, facts: RefusalFacts): RpcError {
  const { bytes, names, timeoutMs, maxBytes, maxWaiting } = facts;
  const known = names.join(', ');
  switch (why) {
    case 'unknown':
      return new RpcError('unimplemented', `a connection begins with ${shown(bytes)}, which is none of ${known}: ${guess(bytes)}`, { reason: 'UNKNOWN_PROTOCOL' });
    case 'tooLong':
      return new RpcError('unimplemented', `${maxBytes} bytes did not show which of ${known} a connection speaks: raise maxBytes, or say "no" earlier in a matcher`, { reason: 'UNKNOWN_PROTOCOL' });
    case 'unserved':
      return new RpcError('unimplemented', `a connection speaks ${String(facts.name)}, and nobody listens for that on this port: call listen() of that acceptor with the same address`, { reason: 'UNKNOWN_PROTOCOL' });
    case 'late':
      return new RpcError('deadline_exceeded', `a connection did not show within ${timeoutMs} ms which of ${known} it speaks; it sent ${bytes.length === 0 ? 'nothing' : shown(bytes)}`, { reason: 'TIMEOUT' });
    case 'crowded':
      return new RpcError('resource_exhausted', `more than ${maxWaiting} connections have not shown yet what they speak, and the oldest is cut: raise maxWaiting if they are honest`, { reason: 'OVERLOADED' });
    case 'closed':
      return new RpcError('unavailable', 'the port was closed before the connection showed what it speaks', { reason: 'CLOSED' });
  }
}

function shown(bytes: Uint8Array): string {
  const first = [...bytes.subarray(0, 8)].map((byte) => byte.toString(16).padStart(2, '0')).join(' ');
  return bytes.length > 8 ? `${first} …` : first;
}

function guess(bytes: Uint8Array): string {
  const first = bytes[0] ?? 0;
  if (first === 0x16) return 'this looks like TLS: leave the tls option of the client out, or sniff acceptTls(…), or add isTls';
  if (first === 0x08) return 'this looks like rpcx: add isRpcx';
  if (first === 0x7b || first === 0x5b) return 'this looks like JSON: add isJson';
  if (first >= 0x41 && first <= 0x5a) return 'this is text: if it is HTTP, is isHttp among the matchers?';
  return 'is it the right port?';
}
