import type { Runtime } from '@rpcxjs/core';
import { checkNames, refuse } from '@rpcxjs/core/options';

// With less than one of them nothing could be served or called.
const positive = new Set(['maxConnections', 'maxCalls', 'maxCallsPerConnection', 'maxTimeoutMs', 'maxFrameBytes', 'maxNameBytes', 'maxBufferedBytes', 'maxUnsentBytes', 'framesPerTurn']);

/** Some of several amounts: what is left out, or undefined, has its default. */
export type SomeOf<T> = { readonly [K in keyof T]?: T[K] | undefined };

/** Limits or times, those that are not given from the defaults. Throws TypeError for what cannot work, and for names that none of them has. */
export function amounts<T extends object>(group: 'limits' | 'heartbeat', given: SomeOf<T> | undefined, defaults: T): T {
  checkNames(group, given, defaults);
  const all = { ...defaults };
  for (const name in given) {
    const value = given[name];
    if (value === undefined) continue;
    const wrong = typeof value !== 'number' || !(value >= 0);
    const takes = group === 'limits' ? 'a number that is not negative' : 'milliseconds that are not negative';
    if (wrong || (value < 1 && positive.has(name))) refuse(`${group}.${name}`, value, wrong ? takes : 'a number from 1 on');
    all[name] = value as T[typeof name]; // a number, like every default
  }
  return all;
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
