// Checks of options, for factories of clients, servers and plugins. An entry of its own, so that whoever checks nothing does not load it.

/** A value as errors name it. */
export function described(value: unknown): string {
  if (typeof value === 'function') return value.name === '' ? 'a function' : `the function ${value.name}`;
  if (typeof value === 'object' && value !== null) return 'an object of another kind';
  return typeof value === 'string' ? JSON.stringify(value) : String(value);
}

/** Throws the TypeError for a value that an option does not take: `refuse('pool.max', 0, 'a number from 1 on')`. */
export function refuse(name: string, value: unknown, takes: string): never {
  throw new TypeError(`${name} is ${described(value)}: it takes ${takes}`);
}

/**
 * Throws TypeError for options that are no object, and for names that are not among the known ones, which are given as a list or as the keys of an object:
 * an option that is misspelt would silently have its default. `who` is the factory or the group of options, for example `tcp` or `pool`.
 */
export function checkNames(who: string, given: unknown, known: object | readonly string[]): void {
  if (given === undefined) return;
  const names: readonly string[] = Array.isArray(known) ? (known as readonly string[]) : Object.keys(known); // a list has texts, as its type says
  if (typeof given !== 'object' || given === null || Array.isArray(given)) refuse(who, given, `an object with some of ${names.join(', ')}`);
  const strange = Object.keys(given).find((name) => !names.includes(name));
  if (strange !== undefined) throw new TypeError(`${who} has no option ${JSON.stringify(strange)}: it takes ${names.join(', ')}`);
}
