import type { AttemptFailure, FailDecision } from '@rpcxjs/core';
import { checkNames, refuse } from '@rpcxjs/core/options';

/** How often, how soon and what is tried again; shared by the fail modes that try again. */
export interface RetryOptions {
  /** Attempts after the first one, up to 100. @default 2 */
  readonly retries?: number | undefined;
  /** Longest wait before the second attempt, in milliseconds. It doubles with each attempt, and the actual wait is random between 0 and it. @default 20 */
  readonly backoffMs?: number | undefined;
  /** Longest wait of all, in milliseconds; a server that asks for a longer one gets it. @default 1000 */
  readonly maxBackoffMs?: number | undefined;
  /** Also tries again what may have run and is not idempotent, as Go does: a call may then run twice. @default false */
  readonly retryUnsafe?: boolean | undefined;
}
export type RetryRule = { readonly [K in keyof RetryOptions]-?: NonNullable<RetryOptions[K]> };

const names: Readonly<Record<keyof RetryRule, true>> = { retries: true, backoffMs: true, maxBackoffMs: true, retryUnsafe: true };

/** Throws TypeError for invalid options; `more` has the names that `who` takes in addition. */
export function retryRule(who: string, options: RetryOptions, more?: object): RetryRule {
  checkNames(who, options, { ...names, ...more });
  const { retries = 2, backoffMs = 20, maxBackoffMs = 1000, retryUnsafe = false } = options;
  if (!Number.isInteger(retries) || retries < 0 || retries > 100) refuse('retries', retries, 'a whole number from 0 to 100');
  for (const [name, value] of Object.entries({ backoffMs, maxBackoffMs })) checkMs(name, value);
  if (typeof retryUnsafe !== 'boolean') refuse('retryUnsafe', retryUnsafe, 'true or false');
  return { retries, backoffMs, maxBackoffMs, retryUnsafe };
}

/** Throws TypeError for an invalid time. */
export function checkMs(name: string, value: unknown): void {
  if (typeof value !== 'number' || !(value >= 0 && value < Infinity)) refuse(`${name}`, value, 'milliseconds that are not negative');
}

export function retryOrGiveUp({ retryable, attempt, error }: AttemptFailure, rule: RetryRule, again: 'same' | 'other'): FailDecision {
  const allowed = retryable || (rule.retryUnsafe && error.code === 'unavailable');
  if (!allowed || attempt > rule.retries) return 'give-up';
  return { again, afterMs: error.retryAfterMs ?? 0, jitterMs: Math.min(rule.maxBackoffMs, rule.backoffMs * 2 ** (attempt - 1)) };
}
