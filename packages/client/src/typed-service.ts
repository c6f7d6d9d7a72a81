import { RpcError, type CallOptions, type Contract, type FailMode, type Method, type Selector } from '@rpcxjs/core';
import type { BindingInit } from './client-binding.ts';

/** Everything that may differ from service to service; the client's own options are the defaults. */
export interface ServiceOptions<Names = string> {
  /** The path on the wire, if it is not the contract's name. */
  readonly path?: string | undefined;
  /** Only servers that are in this group, by their metadata. */
  readonly group?: string | undefined;
  readonly failMode?: FailMode | undefined;
  readonly selector?: Selector | undefined;
  /** Name of one of the client's codecs. */
  readonly codec?: string | undefined;
  /** Methods that may run twice, so that a retry is safe. */
  readonly idempotent?: readonly Names[] | undefined;
}

/** What a contract or a caller knows about one method. */
export type MethodTraits = Pick<BindingInit, 'input' | 'output' | 'errors' | 'idempotent'>;
/** Makes the function that calls one method. */
export type MakeCaller = (method: string, init: MethodTraits) => Caller;
export type Caller = (input?: unknown, options?: CallOptions) => Promise<unknown>;

/** One function a method; pushes are received, not called. */
export function contractService(contract: Contract, idempotent: readonly string[], make: MakeCaller): Record<string, Caller> {
  const service: Record<string, Caller> = {};
  for (const [name, method] of Object.entries(contract.methods) as [string, Method][]) {
    if (method.kind === 'push') continue;
    const caller = method.kind === 'unary' ? make(name, { ...method, idempotent: method.idempotent === true || idempotent.includes(name) }) : unsupported(contract, name, method);
    Object.defineProperty(service, name, { value: caller, enumerable: true });
  }
  return Object.freeze(service);
}

function unsupported(contract: Contract, name: string, method: Method): Caller {
  const fail = (): Promise<never> => {
    const message = `${contract.name}.${name} is a ${method.kind}: this client calls unary methods only`;
    return Promise.reject(new RpcError('unimplemented', message, { reason: 'UNSUPPORTED', sent: false }));
  };
  if (method.kind === 'clientStream') return fail;
  // A method that returns a stream fails where the stream is read.
  return (() => ({ [Symbol.asyncIterator]: () => ({ next: fail }) })) as unknown as Caller;
}

// Names that the language and its tools look up on any object are no methods of a service: `await service` must not call the server.
const never = new Set(['then', 'catch', 'finally', 'toJSON', 'prototype', 'inspect', ...Object.getOwnPropertyNames(Object.prototype)]);

/** Any name is a method: the interface is known to the compiler only. */
export function interfaceService(idempotent: readonly string[], make: MakeCaller): object {
  const callers = new Map<string, Caller>();
  return new Proxy(Object.freeze({}), {
    get(target, name, receiver) {
      if (typeof name !== 'string' || never.has(name)) return Reflect.get(target, name, receiver) as unknown;
      let caller = callers.get(name);
      if (caller === undefined) callers.set(name, (caller = make(name, { idempotent: idempotent.includes(name) })));
      return caller;
    },
  });
}
