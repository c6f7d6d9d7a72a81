/** Returns the source; throws TypeError for something that is not a discovery. */
export function checkedSource<Source>(name: string, source: Source): Source {
  // In a program without types it may be anything.
  if (typeof (source as { readonly watch?: unknown } | undefined | null)?.watch === 'function') return source;
  throw new TypeError(`${name}() takes discoveries, for example fixed(['tcp@host:port']), and no value of the type ${typeof source}`);
}
