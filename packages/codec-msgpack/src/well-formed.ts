interface WellFormed {
  isWellFormed?(): boolean;
}

/** Whether each surrogate of `text` has its other half: UTF-8 cannot hold one alone. */
export function isWellFormed(text: string): boolean {
  const native = (text as WellFormed).isWellFormed; // newer than the library's target
  return native === undefined ? !/\p{Surrogate}/u.test(text) : native.call(text);
}
