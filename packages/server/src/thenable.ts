/** Whether a value has a `then` function, as promises and query builders have. Throws what a getter named `then` throws. */
export function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === 'object' && value !== null && typeof (value as { readonly then?: unknown }).then === 'function';
}
