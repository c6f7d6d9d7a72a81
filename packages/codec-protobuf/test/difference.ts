/** Where two decoded values differ, or undefined. Looks at own properties, prototypes and their content, array types, NaN and -0. */
export function difference(a: unknown, b: unknown, path = '$'): string | undefined {
  if (Object.is(a, b)) return undefined;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return `${path}: ${String(a)} and ${String(b)}`;
  if (a instanceof Uint8Array || b instanceof Uint8Array) {
    const same = Object.getPrototypeOf(a) === Object.getPrototypeOf(b) && Buffer.compare(a as Uint8Array, b as Uint8Array) === 0;
    return same ? undefined : `${path}: ${Object.prototype.toString.call(a)} ${String(a)} and ${String(b)}`;
  }
  const keys = Reflect.ownKeys(a);
  const others = new Set(Reflect.ownKeys(b));
  if (keys.length !== others.size) return `${path}: keys ${keys.map(String).join()} and ${[...others].map(String).join()}`;
  for (const key of keys) {
    if (!others.has(key)) return `${path}: only one has ${String(key)}`;
    const [one, two] = [Object.getOwnPropertyDescriptor(a, key), Object.getOwnPropertyDescriptor(b, key)];
    if (one?.enumerable !== two?.enumerable || one?.writable !== two?.writable) return `${path}.${String(key)}: not the same kind of property`;
    const found = difference(one?.value, two?.value, `${path}.${String(key)}`);
    if (found !== undefined) return found;
  }
  const [from, to] = [Object.getPrototypeOf(a) as object | null, Object.getPrototypeOf(b) as object | null];
  return from === Object.prototype || to === Object.prototype || from === Array.prototype ? (from === to ? undefined : `${path}: prototypes`) : difference(from, to, `${path}.[[Prototype]]`);
}
