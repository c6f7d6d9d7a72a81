import type { MethodRef } from '@rpcxjs/core';
import { described } from '@rpcxjs/core/options';
import { checkKinds, objectKind, typeKind, type OptionKind } from '@rpcxjs/session';
import type { ServerOptions } from './server-options.ts';

const aFunction = typeKind('a function', 'function');
const elsewhere: OptionKind = {};

/** Every option of a server; any of them may be something else in a program without types. */
const kinds: Readonly<Record<keyof ServerOptions, OptionKind>> = {
  transports: { ...objectKind('tcp()', 'listen'), list: true },
  codecs: { ...objectKind('msgpack', 'encode', 'decode'), list: true },
  compressors: { ...objectKind('gzip()', 'compress', 'decompress'), list: true },
  // Each is looked at where they are composed.
  intercept: { holds: () => true, list: true },
  plugins: { holds: (value) => typeof value === 'object' && value !== null && 'name' in value, takes: 'an object with a name and hooks', list: true },
  registries: { ...objectKind('inprocess()', 'register'), list: true },
  auth: aFunction,
  mapError: aFunction,
  exposeMessages: typeKind('true or false', 'boolean'),
  limits: elsewhere, whenFull: elsewhere, advertise: elsewhere, heartbeat: elsewhere, logger: elsewhere, clock: elsewhere,
};

/** Throws TypeError for a name that is none of a server's, and for what is not the kind of value that an option takes: one instead of a list, a function that was not called, a name. */
export function checkServer(options: ServerOptions): void {
  if (typeof options !== 'object' || options === null) throw new TypeError(`createServer(${described(options)}): it takes an object of options, or nothing`);
  checkKinds('createServer', options, kinds);
}

/** Throws TypeError for no address at all, as an empty list of a configuration leaves it, and for what is no text: a list, a port, an object of options. */
export function checkAddresses(addresses: readonly unknown[]): void {
  if (addresses.length === 0) throw new TypeError("listen got no address, and nobody could reach the server: it takes one at least, listen('tcp@127.0.0.1:8972')");
  for (const address of addresses) {
    if (typeof address !== 'string') throw new TypeError(`listen got ${described(address)}: it takes addresses one after the other, listen('tcp@127.0.0.1:8972', 'unix@/run/shop.sock'), and of a list listen(...list)`);
  }
}

/** Throws TypeError for a name or a method in place of an event: its message would reach nobody. */
export function checkEvent(given: unknown): void {
  const { service, name, kind } = (given ?? {}) as Partial<MethodRef>; // whatever it is in a program without types
  if (typeof service === 'string' && typeof name === 'string' && kind === 'push') return;
  throw new TypeError(`${typeof kind === 'string' ? `${kind} "${service}.${name}"` : described(given)} is no push: it takes one of a contract, Orders.methods.Shipped`);
}
