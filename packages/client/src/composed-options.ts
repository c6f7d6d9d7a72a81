import type { Contract, Dialer, MethodRef } from '@rpcxjs/core';
import { checkNames, described, refuse } from '@rpcxjs/core/options';
import { checkKinds, objectKind, typeKind, type OptionKind } from '@rpcxjs/session';
import type { ClientOptions } from './client-options.ts';
import type { ServiceOptions } from './typed-service.ts';

const aFunction = typeKind('a function', 'function');
const text = typeKind('a text', 'string');
const elsewhere: OptionKind = {};

const shared = { failMode: objectKind('failover()', 'next'), selector: objectKind('roundRobin()', 'build') };

/** What each option of a client takes; in a program without types any of them may be something else. */
const clientKinds: Readonly<Record<keyof ClientOptions, OptionKind>> = {
  ...shared,
  servers: { holds: (value) => [value].flat().every((one) => typeof one === 'string'), takes: "'tcp@host:port', or a list of them" },
  discovery: objectKind("fixed(['tcp@host:port'])", 'watch'),
  codecs: { ...objectKind('msgpack', 'encode', 'decode'), list: true },
  compressors: { ...objectKind('gzip()', 'compress', 'decompress'), list: true },
  token: typeKind('a text, or a function that returns one', 'string', 'function'),
  // Each interceptor is checked where they are composed.
  intercept: { holds: () => true, list: true },
  plugins: { holds: (value) => typeof value === 'object' && value !== null && 'name' in value, takes: 'an object with a name and hooks', list: true },
  requireDeadline: typeKind('true or false', 'boolean'),
  headers: { ...aFunction, list: true },
  mapError: aFunction,
  transports: elsewhere, timeoutMs: elsewhere, retryBudget: elsewhere, health: elsewhere, filters: elsewhere, limits: elsewhere, heartbeat: elsewhere,
  pool: elsewhere, queue: elsewhere, flush: elsewhere, reconnect: elsewhere, outstanding: elsewhere, logger: elsewhere, clock: elsewhere,
};
const serviceKinds: Readonly<Record<keyof ServiceOptions, OptionKind>> = { ...shared, path: text, group: text, codec: text, idempotent: { ...text, list: true } };

/** Throws TypeError for unknown options, and for values of the wrong kind: a function that was not called, a name instead of the thing, one value instead of a list. */
export function checkClient(options: ClientOptions): void {
  checkKinds('createClient', options, clientKinds);
}
/** The same for the arguments of `client.service`. */
export function checkService(first: Contract | string, options: ServiceOptions<PropertyKey>): void {
  if (typeof first !== 'string' && typeof (first as Partial<Contract> | null | undefined)?.methods !== 'object') refuse('the service', first, 'a name or a contract');
  checkKinds('service', options, serviceKinds);
  if (typeof first === 'string') return; // any name is a method
  const strange = options.idempotent?.find((name) => !Object.hasOwn(first.methods, name));
  if (strange !== undefined) refuse('idempotent', strange, `methods of ${first.name}: ${Object.keys(first.methods).join(', ')}`);
}

/** Throws TypeError for options without anything to dial with. */
export function checkTransports(options: { readonly transports: readonly Dialer[] }): void {
  const transports = (options as { readonly transports?: unknown } | undefined | null)?.transports; // whatever it is in a program without types
  const usable = Array.isArray(transports) && transports.every((one) => typeof (one as Dialer | undefined | null)?.dial === 'function');
  if (!usable) throw new TypeError(`transports is ${described(transports)}: a client takes a list of what it can dial with, for example { servers: 'tcp@127.0.0.1:8972', transports: [tcp()] }`);
}

/** Throws TypeError for what is no reference of the wanted kind: programs without types pass names, or the other kind. */
export function checkRef<R extends MethodRef>(ref: R, wanted: R['kind'], is: string): R {
  const { service, name, kind }: Partial<MethodRef> = (ref as R | undefined | null) ?? {}; // whatever it is in a program without types
  if (typeof service === 'string' && typeof name === 'string' && kind === wanted) return ref;
  // Whatever is asked of `methodsOf(…)` is a method, its kind too.
  throw new TypeError(`${typeof kind === 'string' ? `${kind} "${service}.${name}"` : described(ref)} is ${is}`);
}
/** The same for pushes; a name would be heard of no server. */
export const checkEvent = <E extends MethodRef<'push'>>(event: E): E => checkRef(event, 'push', 'no push: it takes one of a contract, Orders.methods.Shipped');

/** Throws TypeError for a listener of pushes that cannot be called. */
export function checkListener(listener: unknown): void {
  if (typeof listener !== 'function') refuse('the listener', listener, 'a function of the value');
}

/** The time that `close` gives to calls under way, in milliseconds. Throws TypeError. */
export function graceOf(options: { readonly graceMs?: number | undefined }): number {
  if (typeof options !== 'object' || options === null) throw new TypeError(`close got ${described(options)}: it takes an object of milliseconds, for example { graceMs: 5000 }, or nothing`);
  checkNames('close', options, ['graceMs']);
  const { graceMs = 25_000 } = options;
  if (typeof graceMs !== 'number' || !(graceMs >= 0)) refuse('graceMs', graceMs, 'milliseconds that are not negative');
  return graceMs;
}
