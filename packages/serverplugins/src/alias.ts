import type { ServerPlugin } from '@rpcxjs/core';

/** `service/method` or `service` alone. */
interface Name {
  readonly service: string;
  readonly method: string | undefined;
}

/**
 * Other names for methods (`'a.b/Mul': 'Arith/Mul'`) and for whole services (`'arith': 'Arith'`), for callers that cannot be changed. The
 * interceptors of the service that is meant run as ever; those of the server before this plugin see the name that was called. As in Go, no alias
 * leads to another one, and a target that is not registered gives the usual error. Throws TypeError for an invalid name.
 * (rpcx serverplugin/alias.go)
 */
export function alias(names: Readonly<Record<string, string>>): ServerPlugin {
  if (typeof names !== 'object' || names === null || Array.isArray(names)) throw new TypeError("alias takes names and what they stand for: alias({ 'a.b/Mul': 'Arith/Mul' })");
  const services = new Map<string, string>();
  const methods = new Map<string, Map<string, Name>>();
  for (const [from, to] of Object.entries(names)) {
    const called = parse(from);
    const meant = parse(to);
    if ((called.method === undefined) !== (meant.method === undefined)) {
      throw new TypeError(`the alias "${from}" for "${to}" mixes a method and a service: write 'service/method' on both sides, or 'service' on both`);
    }
    if (called.method === undefined) services.set(called.service, meant.service);
    else methods.set(called.service, (methods.get(called.service) ?? new Map<string, Name>()).set(called.method, meant));
  }
  return {
    name: 'alias',
    intercept: (next) => (call) => {
      const meant = methods.get(call.service)?.get(call.method);
      if (meant !== undefined) return next(call.with({ service: meant.service, method: meant.method ?? call.method }));
      const service = services.get(call.service);
      return next(service === undefined ? call : call.with({ service }));
    },
  };
}

/** Splits at the last slash, because paths of services may contain slashes. */
function parse(text: unknown): Name {
  if (typeof text !== 'string' || text === '' || text.startsWith('/') || text.endsWith('/')) {
    throw new TypeError(`${JSON.stringify(text)} is no name: write 'service/method', or 'service' for all its methods`);
  }
  const slash = text.lastIndexOf('/');
  return slash < 0 ? { service: text, method: undefined } : { service: text.slice(0, slash), method: text.slice(slash + 1) };
}
