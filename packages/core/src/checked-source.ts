import type { Discovery } from './discovery.ts';

/** The source itself; throws TypeError for what is no discovery. */
export function checkedSource(name: string, source: Discovery): Discovery {
  // Whatever it is in a program without types.
  if (typeof (source as Partial<Discovery> | undefined | null)?.watch === 'function') return source;
  throw new TypeError(`${name}() takes discoveries, for example fixed(['tcp@host:port']), and no value of the type ${typeof source}`);
}
