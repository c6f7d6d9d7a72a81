import type { FailMode } from '@rpcxjs/core';

/** One attempt, whatever happens. */
export function failfast(): FailMode {
  return { name: 'failfast', next: () => 'give-up' };
}
