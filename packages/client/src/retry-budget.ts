import type { Clock } from '@rpcxjs/core';
import { checkNames, refuse } from '@rpcxjs/core/options';

/** How much may be tried again in all, so that clients do not bury servers that are down already. */
export interface RetryBudgetOptions {
  /** Share of the calls of the last ten seconds, 0 to 1. @default 0.2 */
  readonly ratio?: number | undefined;
  /** Retries a second that are allowed in addition, for services that are called seldom. @default 3 */
  readonly perSecond?: number | undefined;
}
export type RetryBudgetRule = { readonly [K in keyof RetryBudgetOptions]-?: NonNullable<RetryBudgetOptions[K]> };
export const defaultRetryBudget: RetryBudgetRule = { ratio: 0.2, perSecond: 3 };

/** Throws TypeError for invalid options. */
export function retryBudgetRule(options: RetryBudgetOptions = {}): RetryBudgetRule {
  checkNames('retryBudget', options, defaultRetryBudget);
  const { ratio = defaultRetryBudget.ratio, perSecond = defaultRetryBudget.perSecond } = options;
  if (typeof ratio !== 'number' || !(ratio >= 0 && ratio <= 1)) refuse('retryBudget.ratio', ratio, 'a share from 0 to 1');
  if (typeof perSecond !== 'number' || !(perSecond >= 0 && perSecond < Infinity)) refuse('retryBudget.perSecond', perSecond, 'a number that is not negative');
  return { ratio, perSecond };
}

const windowMs = 10_000;
const stepMs = 1000;

/** The number of calls counted up to a moment. */
interface Mark {
  readonly at: number;
  readonly calls: number;
  readonly spent: number;
}

/** The retries and second attempts that the calls of one service may spend. Asked only when something failed; a call that succeeds just counts. */
export class RetryBudget {
  /** Calls that were begun; counted by whoever begins them. */
  calls = 0;
  #spent = 0;
  readonly #rule: RetryBudgetRule;
  readonly #clock: Clock;
  /** One a second while retries are asked for, the oldest at least as old as the window if anything is. */
  readonly #marks: Mark[] = [];

  constructor(rule: RetryBudgetRule, clock: Clock) {
    this.#rule = rule;
    this.#clock = clock;
    this.#marks.push({ at: clock.now(), calls: 0, spent: 0 });
  }

  /** Takes one retry from the budget; false if none is left. */
  spend(): boolean {
    const now = this.#clock.now();
    this.#mark(now);
    const [oldest] = this.#marks as [Mark]; // one is always left
    const { ratio, perSecond } = this.#rule;
    // Ten seconds' worth of the floor may be spent at once.
    const allowed = (this.calls - oldest.calls) * ratio + (perSecond * windowMs) / 1000;
    if (this.#spent - oldest.spent + 1 > allowed) return false;
    this.#spent += 1;
    return true;
  }

  #mark(now: number): void {
    const marks = this.#marks;
    const last = marks.at(-1) as Mark; // one is always left
    if (now - last.at > windowMs) {
      // Nobody asked for so long: the calls since then are taken to have come evenly.
      marks.length = 0;
      marks.push({ at: now - windowMs, calls: this.calls - ((this.calls - last.calls) * windowMs) / (now - last.at), spent: this.#spent });
    } else if (now - last.at >= stepMs) marks.push({ at: now, calls: this.calls, spent: this.#spent });
    while (marks.length > 1 && now - (marks[1] as Mark).at >= windowMs) marks.shift();
  }
}
