let allowed: boolean | undefined;

/** False under a content security policy without `unsafe-eval`, and with Node's `--disallow-code-generation-from-strings`. Asked once. */
export function canGenerate(): boolean {
  if (allowed === undefined) {
    try {
      allowed = (new Function('return 1') as () => number)() === 1;
    } catch {
      allowed = false;
    }
  }
  return allowed;
}

/** Runs `source` as a function's body in which the keys of `names` are variables; what it returns is the caller's to know. */
export function generate<T>(names: Readonly<Record<string, unknown>>, source: string): T {
  const make = new Function(...Object.keys(names), `'use strict';\n${source}`) as (...values: unknown[]) => T;
  return make(...Object.values(names));
}
