import { goldenFrames, hexBytes } from './golden.ts';

/** xorshift32: the same sequence for the same seed, everywhere. */
export function generator(seed: number): (below: number) => number {
  let state = seed | 1;
  return (below) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % below;
  };
}

// Long ones would make most mutations hit a payload, which nobody looks at.
const corpus = goldenFrames.map(({ hex }) => hexBytes(hex)).filter(({ length }) => length <= 400);
const telling = [0, 1, 3, 4, 7, 8, 15, 16, 17, 0x1c, 0x20, 0x40, 0x7f, 0x80, 0xfe, 0xff];

/** Frames of Go, changed a little or cut and joined: a stream of some of them, in one piece of memory that is used again. */
export class Mutator {
  readonly #random: (below: number) => number;
  readonly #memory = new Uint8Array(8192);

  constructor(seed: number) {
    this.#random = generator(seed);
  }

  random(below: number): number {
    return this.#random(below);
  }

  /** Up to four frames, of which most are wrong somewhere. */
  next(): Uint8Array {
    const random = this.#random;
    let length = 0;
    for (let frames = 1 + random(4); frames > 0; frames--) {
      const source = corpus[random(corpus.length)] as Uint8Array;
      const begin = random(8) === 0 ? random(source.length) : 0;
      const end = random(8) === 0 ? begin + random(source.length - begin) : source.length;
      this.#memory.set(source.subarray(begin, end), length);
      const start = length;
      length += end - begin;
      if (length > start) this.#mutate(start, length);
    }
    return this.#memory.subarray(0, length);
  }

  #mutate(start: number, end: number): void {
    const random = this.#random;
    for (let times = random(4); times > 0; times--) {
      // Half of them hit the header and the first lengths.
      const at = start + random(random(2) === 0 ? Math.min(40, end - start) : end - start);
      const how = random(4);
      if (how === 0) this.#memory[at] = random(256);
      else if (how === 1) this.#memory[at] = (this.#memory[at] as number) ^ (1 << random(8));
      else if (how === 2) this.#memory[at] = telling[random(telling.length)] as number;
      else this.#memory[at] = (this.#memory[at] as number) + random(3) - 1;
    }
  }
}
