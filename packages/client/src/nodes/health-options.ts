import { checkNames, refuse } from '@rpcxjs/core/options';

/** How the client judges the servers it calls, and for how long it avoids one. */
export interface HealthOptions {
  /** Failures in a row after which a server is avoided. @default 5 */
  readonly consecutiveFailures?: number | undefined;
  /** Milliseconds that a server is avoided the first time; the second time twice as long, and so on. @default 10 000 */
  readonly ejectionMs?: number | undefined;
  /** Milliseconds that a server is avoided at most. @default 300 000 */
  readonly maxEjectionMs?: number | undefined;
  /**
   * The share of a service's servers that may be avoided for what their calls came to, from 0 (none) to 1; always one server at least if it is above 0, and
   * never the last one. Servers that cannot be reached are not counted: nothing is lost by leaving them out.
   * Half makes one of two and one of three possible, which gRPC's 10 % does not. @default 0.5
   */
  readonly maxEjectedShare?: number | undefined;
  /** Milliseconds after which the success rates of the servers are compared. @default 10 000 */
  readonly intervalMs?: number | undefined;
  /** Calls that a server must have answered, in an interval or in some that were too quiet, before its rate says anything. @default 20 */
  readonly minimumCalls?: number | undefined;
  /** By how much a server must be worse than its peers to be avoided, as a share of its calls. @default 0.1 */
  readonly leastGap?: number | undefined;
  /** By how many standard deviations it must be worse as well. @default 3 */
  readonly deviations?: number | undefined;
}

/** Options with every default filled in. */
export type ResolvedHealthOptions = { readonly [Name in keyof HealthOptions]-?: number };

export const defaultHealth: ResolvedHealthOptions = {
  consecutiveFailures: 5,
  ejectionMs: 10_000,
  maxEjectionMs: 300_000,
  maxEjectedShare: 0.5,
  intervalMs: 10_000,
  minimumCalls: 20,
  leastGap: 0.1,
  deviations: 3,
};

interface Range {
  readonly valid: (value: number) => boolean;
  readonly takes: string;
}
const above0: Range = { valid: (value) => value > 0, takes: 'a number above 0, or Infinity' };
const share: Range = { valid: (value) => value >= 0 && value <= 1, takes: 'a share from 0 to 1' };
const duration: Range = { valid: (value) => value > 0 && value < Infinity, takes: 'milliseconds above 0' };
const ranges: Readonly<Record<keyof HealthOptions, Range>> = {
  consecutiveFailures: { valid: (value) => value === Infinity || (Number.isInteger(value) && value > 0), takes: 'a whole number above 0, or Infinity for never' },
  ejectionMs: duration,
  maxEjectionMs: duration,
  maxEjectedShare: share,
  intervalMs: duration,
  minimumCalls: above0,
  leastGap: share,
  deviations: { valid: (value) => value >= 0, takes: 'a number that is not negative' },
};

/** Undefined when the client shall judge nobody (`false`). Throws TypeError for what is out of range. */
export function resolveHealthOptions(options: HealthOptions | boolean | undefined): ResolvedHealthOptions | undefined {
  if (options === false) return undefined;
  if (options === undefined || options === true) return defaultHealth;
  checkNames('health', options, defaultHealth);
  const resolved: Record<string, number> = { ...defaultHealth };
  for (const [name, value] of Object.entries(options)) {
    if (value === undefined) continue;
    const range = ranges[name as keyof HealthOptions]; // it is one of them
    if (typeof value !== 'number' || !range.valid(value)) refuse(`health.${name}`, value, `${range.takes}`);
    resolved[name] = value;
  }
  const { ejectionMs, maxEjectionMs } = resolved as unknown as ResolvedHealthOptions; // each one was looked at
  if (maxEjectionMs < ejectionMs) throw new TypeError(`health.maxEjectionMs is ${maxEjectionMs}: it takes at least health.ejectionMs, which is ${ejectionMs}`);
  return resolved as unknown as ResolvedHealthOptions;
}
