import { RpcError } from '@rpcxjs/core';
import type { QuicEngine } from './engine.ts';
import { quicheEngine } from './quiche-engine.ts';

let loading: Promise<QuicEngine> | undefined;

/** quiche from the optional peer `@matrixai/quic`, loaded once for the process. Rejects with UNSUPPORTED, which says what to install, where it cannot be loaded. */
export function loadDefaultEngine(): Promise<QuicEngine> {
  return (loading ??= importEngine().catch((cause: unknown) => {
    // Somebody may install it and try again.
    loading = undefined;
    throw engineMissing(cause);
  }));
}

async function importEngine(): Promise<QuicEngine> {
  const { default: binding } = await import('@matrixai/quic/native/quiche.js');
  return quicheEngine(binding);
}

/** The one error of a transport that has nothing that speaks QUIC. */
export function engineMissing(cause: unknown): RpcError {
  const code = (cause as { code?: unknown } | undefined)?.code; // whatever was thrown
  const absent = code === 'ERR_MODULE_NOT_FOUND' && String(cause).includes('@matrixai/quic\'');
  const what = absent
    ? 'the package @matrixai/quic is not installed; run `npm install @matrixai/quic`'
    : `@matrixai/quic does not load on ${process.platform}-${process.arch}: ${cause instanceof Error ? cause.message : String(cause)}. It has binaries for linux-x64 (glibc 2.34 or later), darwin-x64, darwin-arm64 and win32-x64, as optional dependencies that an installer may have left out`;
  return new RpcError('unimplemented', `QUIC needs an engine, and ${what}. Or pass another one: quic({ engine }). Every network but quic works without.`, { reason: 'UNSUPPORTED', sent: false, cause });
}
