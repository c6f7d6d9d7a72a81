/** A value in words, short enough for a message. */
export function show(value: unknown): string {
  let text: string;
  if (value instanceof Uint8Array) text = `bytes ${[...value.subarray(0, 16)].map((byte) => byte.toString(16).padStart(2, '0')).join(' ')}${value.length > 16 ? ` … (${value.length})` : ''}`;
  else if (typeof value === 'bigint') text = `${value}n`;
  else if (typeof value === 'object' && value !== null) {
    text = `${value.constructor?.name ?? 'object'} ${JSON.stringify(value, (_, inner: unknown) => (typeof inner === 'bigint' ? `${inner}n` : inner instanceof Uint8Array ? show(inner) : inner))}`;
  } else if (typeof value === 'string') text = JSON.stringify(value);
  else text = Object.is(value, -0) ? '-0' : String(value);
  return text.length > 200 ? `${text.slice(0, 200)}…` : text;
}

/** Deep equality by value: -0 is not 0, NaN is NaN, byte arrays by content, maps and plain objects by key, undefined members count as absent. */
export function same(left: unknown, right: unknown): boolean {
  if (Object.is(left, right)) return true;
  if (typeof left !== 'object' || typeof right !== 'object' || left === null || right === null) return false;
  if (left instanceof Uint8Array || right instanceof Uint8Array) {
    return left instanceof Uint8Array && right instanceof Uint8Array && sameBytes(left, right);
  }
  if (left instanceof Date || right instanceof Date) return left instanceof Date && right instanceof Date && Object.is(left.getTime(), right.getTime());
  if (Array.isArray(left) !== Array.isArray(right)) return false;
  const [a, b] = [members(left), members(right)];
  return a.size === b.size && [...a].every(([key, value]) => b.has(key) && same(value, b.get(key)));
}

function sameBytes(left: Uint8Array, right: Uint8Array): boolean {
  if (left.length !== right.length) return false;
  for (let at = 0; at < left.length; at++) if (left[at] !== right[at]) return false;
  return true;
}

function members(value: object): Map<unknown, unknown> {
  if (value instanceof Map) return value;
  return new Map(Object.entries(value).filter(([, member]) => member !== undefined));
}
