const deepest = 100;

/**
 * A value as Go's `%v` prints it: whole numbers as Go integers, other numbers as float64, strings without quotes, null and undefined as `<nil>`, arrays and
 * bytes as `[1 2]`, objects and maps as `map[a:1 b:2]` by sorted key. A Go struct prints its values only, `{1 2}`: what is a struct there differs from here.
 */
export function goText(value: unknown, depth: number = 0): string {
  switch (typeof value) {
    case 'string':
      return value;
    case 'number':
      return numberText(value);
    case 'object':
      if (value === null) return '<nil>';
      if (depth === deepest) return '...';
      return objectText(value, depth + 1);
    case 'undefined':
      return '<nil>';
    case 'function':
    case 'symbol':
      return typeof value;
    default:
      return String(value);
  }
}

function objectText(value: object, depth: number): string {
  if (Array.isArray(value) || (ArrayBuffer.isView(value) && !(value instanceof DataView))) {
    return `[${Array.from(value as ArrayLike<unknown>, (item) => goText(item, depth)).join(' ')}]`; // a typed array is one
  }
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? '<nil>' : value.toISOString();
  if (value instanceof Set) return goText([...value], depth);
  const entries: (readonly [unknown, unknown])[] = value instanceof Map ? [...value] : Object.entries(value);
  const text = entries
    .sort(([a], [b]) => (typeof a === 'number' && typeof b === 'number' ? a - b : byteOrder(goText(a, depth), goText(b, depth))))
    .map(([key, item]) => `${goText(key, depth)}:${goText(item, depth)}`);
  return `map[${text.join(' ')}]`;
}

/** A whole number prints as the integer that it is likely to be in Go, anything else as a float64 with an exponent below 1e-4 and from 1e+6 (Go `strconv/ftoa.go`, formatDigits). */
function numberText(value: number): string {
  if (Number.isNaN(value)) return 'NaN';
  if (!Number.isFinite(value)) return value > 0 ? '+Inf' : '-Inf';
  if (Number.isInteger(value) && Math.abs(value) < 2 ** 63) return value === 0 ? '0' : BigInt(value).toString();
  const [digits, power] = value.toExponential().split('e') as [string, string]; // it writes an e
  const exponent = Number(power);
  if (exponent >= -4 && exponent < 6) return String(value);
  return `${digits}e${exponent < 0 ? '-' : '+'}${String(Math.abs(exponent)).padStart(2, '0')}`;
}

/** The order of the UTF-8 bytes, which is that of code points and not of UTF-16. */
function byteOrder(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let at = 0; at < length; at++) {
    const [one, other] = [a.charCodeAt(at), b.charCodeAt(at)];
    if (one !== other) return rank(one) - rank(other);
  }
  return a.length - b.length;
}

function rank(unit: number): number {
  return unit >= 0xe000 ? unit - 0x2000 : unit >= 0xd800 ? unit + 0x2000 : unit;
}
