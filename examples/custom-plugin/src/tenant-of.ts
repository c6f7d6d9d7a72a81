import type { ClientPlugin } from '@rpcxjs/core';

/** The client's side: every call says for whom it is made. */
export function tenantOf(name: string): ClientPlugin {
  if (typeof name !== 'string' || name === '') throw new TypeError(`"${String(name)}" is no tenant: tenantOf('acme')`);
  return {
    name: 'tenantOf',
    // Once for each call; what is set here goes with all its attempts.
    intercept: (next) => (call) => {
      call.metadata['tenant'] ??= name;
      return next(call);
    },
  };
}
