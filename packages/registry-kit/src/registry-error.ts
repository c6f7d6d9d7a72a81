import { RpcError, thrownText, type Code, type Reason } from '@rpcxjs/core';

declare module '@rpcxjs/core' {
  interface Reasons {
    REGISTRY_UNREACHABLE: true;
    REGISTRY_REFUSED: true;
    REGISTRY_UNEXPECTED: true;
  }
}

/** What is known of an operation of a registry that failed. */
export interface RegistryErrorInit {
  /** Name of the backend, as its factory is called: `etcd`. */
  readonly name: string;
  /** Where it was asked, as the user wrote it: `127.0.0.1:2379`. */
  readonly where: string;
  /** What was asked, as it follows "cannot": `list /rpcx/Arith/`. */
  readonly what: string;
  readonly cause?: unknown;
  /** What to try. @default to see whether it runs there */
  readonly hint?: string | undefined;
  /** @default 'unavailable' */
  readonly code?: Code | undefined;
  /** `REGISTRY_REFUSED` for credentials and rights, `REGISTRY_UNEXPECTED` when something else answers there. @default 'REGISTRY_UNREACHABLE' */
  readonly reason?: Reason | undefined;
}

/** The error of an operation of a registry: what failed, where, why, and what to try. */
export function registryError(init: RegistryErrorInit): RpcError {
  const { name, where, what, cause, hint = `does ${name} run there, and can this machine reach it?`, code = 'unavailable', reason = 'REGISTRY_UNREACHABLE' } = init;
  const why = cause === undefined ? '' : `: ${thrownText(cause)}`;
  return new RpcError(code, `${name} at ${where} cannot ${what}${why}; ${hint}`, { reason, cause, sent: false, address: where });
}
