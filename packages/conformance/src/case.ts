import { systemClock } from '@rpcxjs/core';
import type { Timer } from '@rpcxjs/core';

/** One thing that a plugin must do. Hand `run` to any test runner: it rejects with a sentence when the plugin does not do it. */
export interface ConformanceCase {
  readonly name: string;
  /** Set when the plugin says that it does not support this; `run` then does nothing. */
  readonly skip: string | undefined;
  readonly run: () => Promise<void>;
}

/** How many of the cases are run and how many the plugin opted out of, with the names of those. */
export interface CaseCount {
  readonly run: number;
  readonly skipped: number;
  readonly skippedNames: readonly string[];
}

/** The version of the rules; a plugin that passes says "conforms to @rpcxjs/conformance 0.1". */
export const conformanceVersion = '0.1';

export function countCases(cases: readonly ConformanceCase[]): CaseCount {
  const skippedNames = cases.filter((one) => one.skip !== undefined).map((one) => one.name);
  return { run: cases.length - skippedNames.length, skipped: skippedNames.length, skippedNames };
}

/** The line to print once all cases passed, skips and all. */
export function conformsLine(plugin: string, cases: readonly ConformanceCase[]): string {
  const { run, skipped, skippedNames } = countCases(cases);
  const skips = skipped === 0 ? '' : `, ${skipped} skipped: ${skippedNames.join('; ')}`;
  return `${plugin} conforms to @rpcxjs/conformance ${conformanceVersion} (${run} cases${skips})`;
}

/** What a plugin did wrong. `name` of the error says which rule. */
export class ConformanceError extends Error {
  override readonly name = 'ConformanceError';
}

/** Throws the sentence when the claim is false. */
export function claim(holds: boolean, sentence: string): asserts holds {
  if (!holds) throw new ConformanceError(sentence);
}

export interface CaseOptions {
  readonly skip?: string | undefined;
  /** Milliseconds that a correct plugin needs a small part of. @default 5000 */
  readonly deadlineMs?: number | undefined;
  /** The sentence for a deadline that passed: what the plugin has not done. */
  readonly late: string;
}

/** A case with a deadline of its own, so that a plugin that never answers fails with a sentence and not by the runner's timeout. */
export function conformanceCase(name: string, options: CaseOptions, check: () => Promise<void> | void): ConformanceCase {
  const deadlineMs = options.deadlineMs ?? 5000;
  if (options.skip !== undefined) return { name, skip: options.skip, run: async () => {} };
  return {
    name,
    skip: undefined,
    run: () => within(deadlineMs, `${options.late} (waited ${deadlineMs} ms)`, async () => check()),
  };
}

/** Rejects with the sentence when the work takes longer. */
export async function within<T>(deadlineMs: number, sentence: string, work: () => Promise<T>): Promise<T> {
  let timer: Timer | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = systemClock.setTimer(() => reject(new ConformanceError(sentence)), deadlineMs);
  });
  try {
    return await Promise.race([work(), late]);
  } finally {
    timer?.cancel();
  }
}
