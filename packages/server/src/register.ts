import { RpcError, type Contract, type ContractHandlers, type InstanceMetadata, type Interceptor, type MaybePromise, type Method, type Methods, type ServerCall } from '@rpcxjs/core';
import { checkNames, described, refuse } from '@rpcxjs/core/options';
import { MethodEntry } from './method-entry.ts';

export interface RegisterOptions<Names = string> {
  /** Service path on the wire, if it is not the contract's name. */
  readonly path?: string | undefined;
  /** For registries: weight, group, state and the like. */
  readonly metadata?: InstanceMetadata | undefined;
  /** Wrap the calls of this service, inside those of the server. */
  readonly intercept?: readonly Interceptor<ServerCall>[] | undefined;
  readonly methods?: readonly Names[] | undefined;
}

type Run = (input: unknown, call: ServerCall) => MaybePromise<unknown>;
const optionNames: Readonly<Record<keyof RegisterOptions, true>> = { path: true, metadata: true, intercept: true, methods: true };

/** Throws TypeError for options that would not hold: interceptors that guard nothing, say, because they are no list. */
export function checkRegistration(service: unknown, implementation: unknown, options: RegisterOptions<PropertyKey>): void {
  if (typeof service !== 'string' && typeof (service as Partial<Contract> | null | undefined)?.methods !== 'object') refuse('the service of register', service, 'a name or a contract');
  if (typeof implementation !== 'object' && typeof implementation !== 'function' || implementation === null) refuse('the implementation of register', implementation, 'an object with the methods');
  checkNames('register', options, optionNames);
  for (const name of ['intercept', 'methods'] as const) {
    const list: unknown = options[name];
    if (list !== undefined && !Array.isArray(list)) refuse(name, list, 'a list');
  }
}

/** One entry for each callable method of a contract. Throws TypeError for a handler that is missing or unknown. */
export function contractEntries<M extends Methods>(contract: Contract<M>, handlers: ContractHandlers<M>, path: string): MethodEntry[] {
  const given = handlers as Readonly<Record<string, Run | undefined>>; // looked up by names that the contract lists
  const methods = contract.methods as Readonly<Record<string, Method>>;
  for (const name of Object.keys(given)) {
    // Handlers that are an instance of a class may have other fields too.
    if (!Object.hasOwn(methods, name) && typeof given[name] === 'function') throw new TypeError(`the contract "${contract.name}" has no method "${name}": remove that handler or declare it`);
  }
  return Object.entries(methods)
    .filter(([, method]) => method.kind !== 'push')
    .map(([name, method]) => {
      const run = handlerOf(given, name);
      if (typeof run !== 'function') throw new TypeError(`the method "${name}" of the contract "${contract.name}" has no handler`);
      if (method.kind !== 'unary') return new MethodEntry({ service: path, method: name, raw: () => unservable(path, name, method.kind) });
      return new MethodEntry({ service: path, method: name, run: run.bind(given), input: method.input, output: method.output });
    });
}

function unservable(service: string, method: string, kind: string): never {
  throw new RpcError('unimplemented', `${service}.${method} is a ${kind}: this server serves unary methods only`, { reason: 'UNSUPPORTED' });
}

/** A method of the object or of its class, but never one that every object has. */
function handlerOf(given: Readonly<Record<string, Run | undefined>>, name: string): Run | undefined {
  for (let owner: object | null = given; owner !== null && owner !== Object.prototype; owner = Object.getPrototypeOf(owner) as object | null) {
    // Every class has a `constructor`, which is no method; an object of handlers has its own only if it was written there.
    if (Object.hasOwn(owner, name) && (name !== 'constructor' || owner === given)) return given[name];
  }
  return undefined;
}

/** One entry for each listed method of an object or class instance; nothing is remote that is not listed. Throws TypeError. */
export function objectEntries(implementation: object, names: readonly PropertyKey[], path: string): MethodEntry[] {
  if (names.length === 0) throw new TypeError(`the service "${path}" lists no methods: name those that may be called`);
  return names.map((name) => {
    const method = String(name);
    checkName('method', method);
    const run: unknown = (implementation as Readonly<Record<PropertyKey, unknown>>)[name]; // its own method list names it
    if (typeof name !== 'string' || typeof run !== 'function' || isInherent(implementation, name)) {
      throw new TypeError(`"${method}" of the service "${path}" is no method that can be called: list names of methods`);
    }
    return new MethodEntry({ service: path, method, run: (input, call) => (run as Run).call(implementation, input, call) });
  });
}

/** True for `constructor`, `toString` and other members of every object, unless they were overridden. */
function isInherent(implementation: object, name: string): boolean {
  const inherited = (Object.prototype as unknown as Readonly<Record<string, unknown>>)[name]; // read by name to compare
  return name === 'constructor' || (inherited !== undefined && inherited === (implementation as Readonly<Record<string, unknown>>)[name]);
}

/** Throws TypeError for something that is not a function. */
export function checkFunction(what: string, service: string, method: string | undefined, run: unknown): void {
  const name = method === undefined ? `'${service}'` : `'${service}', '${method}'`;
  if (typeof run !== 'function') throw new TypeError(`${what}(${name}) got ${described(run)}: it takes a function that answers calls`);
}

/** Throws TypeError for a service path or method that cannot stand on the wire or is reserved. */
export function checkName(what: string, name: unknown): void {
  if (typeof name !== 'string') throw new TypeError(`${described(name)} cannot be a ${what}: it takes a text`);
  const bytes = new TextEncoder().encode(name).length;
  if (bytes === 0 || bytes > 255) throw new TypeError(`"${name}" cannot be a ${what}: it takes 1 to 255 bytes`);
  if (name.startsWith('_rpcxjs')) throw new TypeError(`"${name}" cannot be a ${what}: names that begin with _rpcxjs are reserved`);
}
