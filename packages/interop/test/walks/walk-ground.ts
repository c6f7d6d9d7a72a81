import type { Logger } from '@rpcxjs/core';
import { manualClock, type ManualClock } from '@rpcxjs/testing';
import { Dice } from './dice.ts';

/** What all parts of one walk share: chance, time, and the list of what went wrong. */
export class WalkGround {
  readonly dice: Dice;
  readonly clock: ManualClock;
  readonly problems: string[] = [];
  readonly errorsLogged: string[] = [];
  readonly logger: Logger;
  readonly #steps: string[] | undefined;
  /** Work that nothing waits for until the end. */
  readonly background: Promise<unknown>[] = [];

  constructor(seed: number, steps?: string[]) {
    this.dice = new Dice(seed);
    this.clock = manualClock({ seed });
    this.#steps = steps;
    const ignore = (): void => {};
    const error = (_fields: object, message: string): void => { this.errorsLogged.push(message); };
    this.logger = { debug: ignore, info: ignore, warn: ignore, error, child: () => this.logger };
  }

  wrong(problem: string): void {
    this.problems.push(problem);
    this.note('WRONG', problem);
  }
  /** A line of the walk's story, if somebody reads it. */
  note(...words: readonly unknown[]): void {
    this.#steps?.push(`${Math.round(this.clock.now())} ${words.map((word) => (typeof word === 'string' ? word : JSON.stringify(word))).join(' ')}`);
  }
  /** By the manual clock. */
  sleep(ms: number): Promise<void> {
    return new Promise((resolve) => { this.clock.setTimer(resolve, ms); });
  }
}
