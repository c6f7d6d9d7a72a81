/** Bytes that look random and are the same each time: a case that fails fails again. */
export function drawnBytes(count: number, seed: number): Uint8Array {
  const bytes = new Uint8Array(count);
  let state = (seed * 2654435761 + 1) >>> 0;
  for (let at = 0; at < count; at++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    bytes[at] = state >>> 24;
  }
  return bytes;
}
