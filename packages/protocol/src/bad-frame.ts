import { RpcError } from '@rpcxjs/core';
import { magic } from './constants.ts';

/** Bytes that no rpcx peer sends. */
export function badFrame(wrong: string): RpcError {
  return new RpcError('data_loss', wrong, { reason: 'BAD_FRAME' });
}

/** A stream that begins with `first`, with a guess at what it is. */
export function notRpcx(first: number): RpcError {
  let guess = `an rpcx frame begins with ${magic}, not ${first}`;
  if (first === 0x15) guess = 'this looks like the alert of a TLS server; does this side lack the tls option?';
  else if (first === 0x16) guess = 'this looks like TLS; is the client configured for TLS and the server not?';
  else if (first >= 0x41 && first <= 0x5a) guess = 'this looks like HTTP or text';
  return badFrame(`the other side does not speak rpcx: ${guess}`);
}
