// What all that is learned may take together in this process: places in tries, and compiled functions.
const mostPlaces = 65_536;
const mostPrograms = 4096;
const total = { places: 0, programs: 0 };

interface Spent {
  places: number;
  programs: number;
}
// The places of a client or server are given back when it is garbage collected.
const returns = new FinalizationRegistry<Spent>((spent) => {
  total.places -= spent.places;
  total.programs -= spent.programs;
});

/** What one method may learn. Attackers can use it up; their messages, and shapes that come too late, then take the generic path. */
export class LearningBudget {
  readonly #spent: Spent = { places: 0, programs: 0 };

  constructor() {
    returns.register(this, this.#spent);
  }

  takePlaces(count: number): boolean {
    if (this.#spent.places + count > mostPlaces / 8 || total.places + count > mostPlaces) return false;
    this.#spent.places += count;
    total.places += count;
    return true;
  }

  returnPlaces(count: number): void {
    this.#spent.places -= count;
    total.places -= count;
  }

  takeProgram(): boolean {
    if (this.#spent.programs >= mostPrograms / 32 || total.programs >= mostPrograms) return false;
    this.#spent.programs++;
    total.programs++;
    return true;
  }
}
