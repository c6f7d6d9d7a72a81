import { checkNames, described } from '@rpcxjs/session';
import type { ServerOptions } from './server-options.ts';

/** What is made of values that users compose; any of it may be something else in a program without types. */
interface ComposedOptions {
  readonly [option: string]: unknown;
}

const lists: Readonly<Record<string, { readonly methods: readonly string[]; readonly example: string }>> = {
  transports: { methods: ['listen'], example: '[tcp()]' },
  codecs: { methods: ['encode', 'decode'], example: '[msgpack]' },
  compressors: { methods: ['compress', 'decompress'], example: '[gzip]' },
  plugins: { methods: [], example: "[{ name: 'mine', intercept }]" },
  registries: { methods: [], example: '[inprocess()]' },
};
const functions = ['auth', 'mapError'];
const names: Readonly<Record<keyof ServerOptions, true>> = {
  transports: true, codecs: true, compressors: true, intercept: true, plugins: true, auth: true, mapError: true, exposeMessages: true, limits: true, whenFull: true, registries: true,
  advertise: true, heartbeat: true, logger: true, clock: true,
};

/** Throws TypeError for a name that is none of a server's, and for what is not the kind of value that an option takes: one instead of a list, a function that was not called, a name. */
export function checkComposed(options: ComposedOptions): void {
  if (typeof options !== 'object' || options === null) throw new TypeError(`createServer(${described(options)}): it takes an object of options, or nothing`);
  checkNames('createServer', options, names);
  for (const [name, { methods, example }] of Object.entries(lists)) {
    const list = options[name];
    if (list === undefined) continue;
    if (!Array.isArray(list)) throw new TypeError(`${name} is ${described(list)}: it takes a list, for example ${example}`);
    for (const one of list as unknown[]) {
      // A compressor may be a function that makes others.
      const callable = typeof one === 'function' && methods.length > 0;
      const usable = callable || (typeof one === 'object' && one !== null);
      if (!usable || methods.some((method) => typeof (one as ComposedOptions)[method] !== 'function')) throw new TypeError(`one of ${name} is ${described(one)}, which is no such value${methods.length === 0 ? '' : ` (it needs ${methods.join(' and ')})`}: give values, for example ${example}`);
    }
  }
  for (const name of functions) {
    const value = options[name];
    if (value !== undefined && typeof value !== 'function') throw new TypeError(`${name} is ${described(value)}: it takes a function`);
  }
}
