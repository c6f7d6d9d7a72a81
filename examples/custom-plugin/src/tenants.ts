import { contextKey, RpcError, systemClock, type ServerPlugin } from '@rpcxjs/core';

export interface TenantsOptions {
  /** Who may call. */
  readonly known: readonly string[];
  /** Whose call it is when it does not say so. @default nobody's, and it is refused */
  readonly fallback?: string | undefined;
}
export interface TenantsPlugin extends ServerPlugin {
  /** Calls and milliseconds so far, by tenant. */
  used(): Readonly<Record<string, { readonly calls: number; readonly ms: number }>>;
}

/** For whom a call is made: `call.values.get(tenant)` in a handler. */
export const tenant = contextKey('tenant', '');

/** The server's side: refuses calls for strangers before they are decoded, tells handlers for whom they work, and adds up what that costs. */
export function tenants({ known, fallback }: TenantsOptions): TenantsPlugin {
  if (!Array.isArray(known)) throw new TypeError("tenants takes a list: tenants({ known: ['acme'] })");
  // What a plugin holds lives as long as the plugin: `known` is bounded, names that callers make up would not be.
  const used = new Map(known.map((name: string) => [name, { calls: 0, ms: 0 }]));
  let clock = systemClock;
  return {
    name: 'tenants',
    start(runtime) {
      clock = runtime.clock;
    },
    // Composed once. Reading call.input would decode the payload; call.metadata costs nothing.
    intercept: (next) => async (call) => {
      const name = call.metadata['tenant'] ?? fallback;
      const account = name === undefined ? undefined : used.get(name);
      if (name === undefined || account === undefined) {
        const message = `${call.service}.${call.method} is not for ${name === undefined ? 'callers without a tenant' : `the tenant "${name}"`}: give the client the plugin tenantOf(…)`;
        throw new RpcError('permission_denied', message);
      }
      call.values.set(tenant, name);
      const began = clock.now();
      try {
        return await next(call);
      } finally {
        account.calls += 1;
        account.ms += clock.now() - began;
      }
    },
    used: () => Object.fromEntries(used),
  };
}
