import type { ClientCall, ClientPlugin, Dialer, Discovery, FailMode, Interceptor, Selector } from '@rpcxjs/core';
import { described } from '@rpcxjs/session';

/** What is made of values that users compose; any of it may be something else in a program without types. */
interface ComposedOptions {
  readonly failMode?: FailMode | undefined;
  readonly selector?: Selector | undefined;
  readonly discovery?: Discovery | undefined;
  readonly plugins?: readonly ClientPlugin[] | undefined;
  readonly intercept?: readonly Interceptor<ClientCall>[] | undefined;
}

/** Throws TypeError for what is not the kind of value that an option is composed of: a function that was not called, a name, one instead of a list. */
export function checkComposed({ failMode, selector, discovery, plugins, intercept }: ComposedOptions): void {
  if (failMode !== undefined) checkValue('failMode', failMode, 'next', 'failover()');
  if (selector !== undefined) checkValue('selector', selector, 'build', 'roundRobin()');
  if (discovery !== undefined) checkValue('discovery', discovery, 'watch', "fixed(['tcp@host:port'])");
  for (const [name, list] of Object.entries({ plugins, intercept })) {
    if (list !== undefined && !Array.isArray(list)) throw new TypeError(`${name} is ${described(list)}: it takes a list`);
  }
  for (const plugin of plugins ?? []) if (typeof plugin !== 'object' || plugin === null) throw new TypeError(`one of the plugins is ${described(plugin)}: it takes an object with hooks`);
}

/** Throws TypeError for options without anything to dial with. */
export function checkTransports(options: { readonly transports: readonly Dialer[] }): void {
  const transports = (options as { readonly transports?: unknown } | undefined | null)?.transports; // whatever it is in a program without types
  const usable = Array.isArray(transports) && transports.every((one) => typeof (one as Dialer | undefined | null)?.dial === 'function');
  if (!usable) throw new TypeError(`transports is ${described(transports)}: a client takes a list of what it can dial with, for example { servers: 'tcp@127.0.0.1:8972', transports: [tcp()] }`);
}

function checkValue(option: string, value: object, method: string, example: string): void {
  if (typeof value === 'object' && value !== null && typeof (value as Readonly<Record<string, unknown>>)[method] === 'function') return;
  throw new TypeError(`${option} is ${described(value)}: it takes an object with the function ${method}, for example ${example}`);
}
