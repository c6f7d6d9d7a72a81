/** Returns the source; throws TypeError for something that is not a discovery. */
export function checkedSource<Source>(name: string, source: Source): Source {
  // In a program without types it may be anything.
  if (typeof (source as { readonly watch?: unknown } | undefined | null)?.watch === 'function') return source;
  throw new TypeError(`${name}() takes discoveries, for example fixed(['tcp@host:port']), and no value of the type ${typeof source}`);
}

/** Returns the options with all defaults filled in; throws TypeError when there are others among those that were given, whose values would silently be the defaults. */
export function onlyKnown<Options extends object>(name: string, given: object, known: Options): Options {
  for (const option of Object.keys(given)) if (!(option in known)) throw new TypeError(`${name}() has no option "${option}": it takes ${Object.keys(known).join(', ')}`);
  return known;
}
