import type { Runtime } from '@rpcxjs/core';

/** A value as it is named where an option does not take it. */
export function described(value: unknown): string {
  if (typeof value === 'function') return value.name === '' ? 'a function' : `the function ${value.name}`;
  if (typeof value === 'object' && value !== null) return 'an object of another kind';
  return typeof value === 'string' ? JSON.stringify(value) : String(value);
}

/** Throws TypeError for a value that an option does not take. */
export function refuse(name: string, value: unknown, takes: string): never {
  throw new TypeError(`${name} is ${described(value)}: it takes ${takes}`);
}

/** Throws TypeError for a name that is none of the known ones: what was meant would not hold. */
export function checkNames(group: string, given: object | undefined, known: object): void {
  if (given !== undefined && (typeof given !== 'object' || given === null || Array.isArray(given))) refuse(group, given, `an object with some of ${Object.keys(known).join(', ')}`);
  for (const name of Object.keys(given ?? {})) {
    if (!Object.hasOwn(known, name)) throw new TypeError(`${group} has no "${name}" (it has: ${Object.keys(known).join(', ')})`);
  }
}

// With less than one of them nothing could be served or called.
const positive = new Set(['maxConnections', 'maxCalls', 'maxCallsPerConnection', 'maxTimeoutMs', 'maxFrameBytes', 'maxNameBytes', 'maxBufferedBytes', 'maxUnsentBytes', 'framesPerTurn']);

/** Throws TypeError for limits and times that cannot work, and for names that none of them has. */
export function checkAmounts(group: 'limits' | 'heartbeat', given: object | undefined, known: object): void {
  checkNames(group, given, known);
  for (const [name, value] of Object.entries(given ?? {}) as [string, unknown][]) {
    const wrong = typeof value !== 'number' || !(value >= 0);
    const takes = group === 'limits' ? 'a number that is not negative' : 'milliseconds that are not negative';
    if (wrong || (value < 1 && positive.has(name))) throw new TypeError(`${group}.${name} is ${String(value)}: it takes ${wrong ? takes : 'a number from 1 on'}`);
  }
}

const runtimeParts = { clock: ['now', 'wallTime', 'random', 'setTimer'], logger: ['debug', 'info', 'warn', 'error'] };

/** Throws TypeError for a clock or a logger that would fail when it is asked. */
export function checkRuntime(runtime: { readonly [Part in keyof Runtime]?: Runtime[Part] | undefined }): void {
  for (const [part, functions] of Object.entries(runtimeParts) as [keyof Runtime, readonly string[]][]) {
    const value: unknown = runtime[part];
    const known = (value ?? {}) as Readonly<Record<string, unknown>>; // whatever it is in a program without types
    if (value !== undefined && functions.some((name) => typeof known[name] !== 'function')) {
      refuse(part, value, `an object with the functions ${functions.join(', ')}, or nothing`);
    }
  }
}
