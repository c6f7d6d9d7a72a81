/** A small generator of numbers with a seed, so that a failure can be had again. */
export function randomOf(seed: number): (below: number) => number {
  let state = seed >>> 0 || 1;
  return (below) => {
    // xorshift32
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % below;
  };
}

const interesting = [0x00, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0, 0xc1, 0xc2, 0xc3, 0xc4, 0xc5, 0xc6, 0xc7, 0xc8, 0xc9, 0xca, 0xcb, 0xcc, 0xcd, 0xce, 0xcf, 0xd0, 0xd1, 0xd2, 0xd3, 0xd4, 0xd5, 0xd6, 0xd7, 0xd8, 0xd9,
  0xda, 0xdb, 0xdc, 0xdd, 0xde, 0xdf, 0xe0, 0xff];

/** A damaged copy of one payload, or a splice of two, written over `target`; its length. */
export function mutate(target: Uint8Array, corpus: readonly Uint8Array[], random: (below: number) => number): number {
  // `as`: the corpus is not empty.
  const one = corpus[random(corpus.length)] as Uint8Array;
  let { length } = one;
  target.set(one);
  for (let edits = 1 + random(4); edits > 0; edits--) {
    const at = random(Math.max(1, length));
    switch (random(6)) {
      case 0: target[at] = random(256); break;
      case 1: target[at] = interesting[random(interesting.length)] as number; break;
      case 2: target[at] = (target[at] as number) ^ (1 << random(8)); break;
      case 3: length = at; break;
      case 4: {
        const other = corpus[random(corpus.length)] as Uint8Array;
        const from = random(Math.max(1, other.length));
        const count = Math.min(other.length - from, target.length - at);
        target.set(other.subarray(from, from + count), at);
        length = at + count;
        break;
      }
      default:
        if (length < target.length) {
          target.copyWithin(at + 1, at, length);
          target[at] = random(256);
          length++;
        }
    }
  }
  return length;
}
