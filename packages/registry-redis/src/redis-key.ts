/** The name that rpcx gives a key: a slash before it, without cleaning, so `/rpcx` is `//rpcx` (libkv store/helpers.go, Normalize). */
export function redisKey(key: string): string {
  return `/${key}`;
}
/** The key of rpcx behind a name of Redis. */
export function plainKey(name: string): string {
  return name.slice(1);
}

/**
 * Where the id of the store stands that owns a key. No list and no event of rpcx sees it: Go lists `<key>*`, which this does not begin with, and listens to `__keyspace*:<key>*`,
 * which this would match with a colon before the key (libkv store/redis/redis.go, scanRegex and regexWatch).
 */
export function ownerKey(name: string): string {
  return `rpcxjs:owner@${name}`;
}

/** A glob for what begins with exactly this text. */
export function globOf(prefix: string): string {
  return `${prefix.replace(/[*?[\]\\]/g, String.raw`\$&`)}*`;
}
