import type { Pick, Picker, PickInfo, Selector } from '@rpcxjs/core';
import { checkNames } from '@rpcxjs/core/options';
import { picksOf, unavoided } from './server-list.ts';

export interface RandomOptions {
  /** Random numbers from 0 up to, but not including, 1. @default Math.random */
  readonly random?: (() => number) | undefined;
}

/** A selector that draws one server, each as likely as the other; metadata does not matter (rpcx `client/selector.go`, randomSelector). */
export function random(options: RandomOptions = {}): Selector {
  checkNames('random', options, ['random']);
  const draw = options.random ?? Math.random;
  return { name: 'random', build: (instances) => new RandomPicker(picksOf(instances), draw) };
}

class RandomPicker implements Picker {
  readonly #picks: readonly Pick[];
  readonly #draw: () => number;

  constructor(picks: readonly Pick[], draw: () => number) {
    this.#picks = picks;
    this.#draw = draw;
  }

  pick({ avoid }: PickInfo): Pick | undefined {
    const picks = avoid === undefined ? this.#picks : unavoided(this.#picks, avoid);
    return picks.length === 1 ? picks[0] : picks[Math.floor(this.#draw() * picks.length)];
  }
}
