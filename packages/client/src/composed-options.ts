import type { Contract, Dialer } from '@rpcxjs/core';
import { checkNames, described, refuse } from '@rpcxjs/session';
import type { ClientOptions } from './client-options.ts';
import type { ServiceOptions } from './typed-service.ts';

interface Check {
  /** Whether the value is of the right kind; asked of each member of a list. Undefined where the option is checked elsewhere. */
  readonly holds?: (value: unknown) => boolean;
  readonly takes: string;
  /** The option takes a list of such values. */
  readonly list?: true;
}

const object = (example: string, ...methods: readonly string[]): Check => ({
  holds: (value) => methods.every((method) => typeof (value as Readonly<Record<string, unknown>> | null | undefined)?.[method] === 'function'),
  takes: `an object with the function${methods.length > 1 ? 's' : ''} ${methods.join(' and ')}, for example ${example}`,
});
const typed = (takes: string, ...types: readonly string[]): Check => ({ holds: (value) => types.includes(typeof value), takes });
const aFunction = typed('a function', 'function');
const flag = typed('true or false', 'boolean');
const text = typed('a text', 'string');
const elsewhere: Check = { takes: '' };

const shared = { failMode: object('failover()', 'next'), selector: object('roundRobin()', 'build') };

/** What each option of a client takes; in a program without types any of them may be something else. */
const clientChecks: Readonly<Record<keyof ClientOptions, Check>> = {
  ...shared,
  servers: { holds: (value) => [value].flat().every((one) => typeof one === 'string'), takes: "'tcp@host:port', or a list of them" },
  discovery: object("fixed(['tcp@host:port'])", 'watch'),
  codecs: { ...object('msgpack', 'encode', 'decode'), list: true },
  compressors: { ...object('gzip()', 'compress', 'decompress'), list: true },
  token: typed('a text, or a function that returns one', 'string', 'function'),
  // Each interceptor is checked where they are composed.
  intercept: { holds: () => true, takes: '', list: true },
  plugins: { holds: (value) => typeof value === 'object' && value !== null && 'name' in value, takes: 'an object with a name and hooks', list: true },
  requireDeadline: flag,
  headers: { ...aFunction, list: true },
  mapError: aFunction,
  transports: elsewhere, timeoutMs: elsewhere, retryBudget: elsewhere, health: elsewhere, filters: elsewhere, limits: elsewhere, heartbeat: elsewhere,
  pool: elsewhere, queue: elsewhere, flush: elsewhere, reconnect: elsewhere, outstanding: elsewhere, logger: elsewhere, clock: elsewhere,
};
const serviceChecks: Readonly<Record<keyof ServiceOptions, Check>> = { ...shared, path: text, group: text, codec: text, idempotent: { ...text, list: true } };

/** Throws TypeError for unknown options, and for values of the wrong kind: a function that was not called, a name instead of the thing, one value instead of a list. */
export function checkClient(options: ClientOptions): void {
  check('createClient', options, clientChecks);
}
/** The same for the arguments of `client.service`. */
export function checkService(first: unknown, options: object): void {
  if (typeof first !== 'string' && typeof (first as Partial<Contract> | null | undefined)?.methods !== 'object') refuse('the service', first, 'a name or a contract');
  check('service', options, serviceChecks);
}

function check(who: string, options: object, checks: Readonly<Record<string, Check>>): void {
  checkNames(who, options, checks);
  for (const [name, value] of Object.entries(options) as [string, unknown][]) {
    const { holds, takes, list } = checks[name] as Check; // it is one of them
    if (value === undefined || holds === undefined) continue;
    if (list && !Array.isArray(value)) refuse(name, value, 'a list');
    for (const [index, one] of (list ? (value as unknown[]) : [value]).entries()) if (!holds(one)) refuse(list ? `${name}[${index}]` : name, one, takes);
  }
}

/** Throws TypeError for options without anything to dial with. */
export function checkTransports(options: { readonly transports: readonly Dialer[] }): void {
  const transports = (options as { readonly transports?: unknown } | undefined | null)?.transports; // whatever it is in a program without types
  const usable = Array.isArray(transports) && transports.every((one) => typeof (one as Dialer | undefined | null)?.dial === 'function');
  if (!usable) throw new TypeError(`transports is ${described(transports)}: a client takes a list of what it can dial with, for example { servers: 'tcp@127.0.0.1:8972', transports: [tcp()] }`);
}
