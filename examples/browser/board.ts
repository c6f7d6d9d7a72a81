import { contract, push, type, unary } from '@rpcxjs/core';

/** What the page and the server agree on; neither generates code from it. */
export const Board = contract('Board', {
  /** From now on the caller hears what is said. */
  Join: unary({ input: type<{ Name: string }>(), output: type<{ Visitors: number; Server: number }>() }),
  Say: unary({ input: type<{ Text: string }>(), output: type<{ Heard: number }>(), errors: { Empty: type<{ hint: string }>() } }),
  Said: push<{ From: string; Text: string }>(),
});
