import type { MethodRef } from '@rpcxjs/core';
import { checkNames, refuse } from '@rpcxjs/core/options';

// Without the first question `any` would count as void.
type InputOf<A extends unknown[]> = A extends [] ? void : A extends [infer In, ...unknown[]] ? In : A extends [(infer In)?, ...unknown[]] ? In | void : unknown;
type Names<T> = { [K in keyof T]: T[K] extends (...args: never[]) => unknown ? K : never }[keyof T];
/** The methods of a plain interface, as `oneway`, `start`, `broadcast` and the other verbs take them. */
export type InterfaceMethods<T> = {
  readonly [K in Names<T>]: T[K] extends (...args: infer A) => infer R ? MethodRef<'unary', InputOf<A>, Awaited<R>> : never;
};

/**
 * The methods of a service that has no contract: `methodsOf<Arith>('Arith').Mul`. Any name is a method; a script that has no interface either
 * takes `methodsOf('Arith').Mul`. Keep the result: what a method needs on the wire is made once for each reference.
 */
export function methodsOf<T = Record<string, (input: unknown) => unknown>>(service: string, options: { readonly idempotent?: readonly (keyof T)[] | undefined } = {}): InterfaceMethods<T> {
  checkNames('methodsOf', options, ['idempotent']);
  if (options.idempotent !== undefined && !Array.isArray(options.idempotent)) refuse('idempotent', options.idempotent, 'a list of methods');
  const idempotent = new Set<PropertyKey>(options.idempotent);
  const refs = new Map<string, MethodRef>();
  return new Proxy({}, {
    get(_target, name) {
      if (typeof name !== 'string') return undefined;
      let ref = refs.get(name);
      if (ref === undefined) refs.set(name, (ref = { kind: 'unary', service, name, idempotent: idempotent.has(name) }));
      return ref;
    },
  }) as InterfaceMethods<T>; // the interface says which names there are
}
