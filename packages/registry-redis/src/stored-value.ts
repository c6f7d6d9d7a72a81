import { createHash } from 'node:crypto';

// encoding/json of Go escapes these beside what JSON needs; JSON.stringify and Go 1.22 agree on the rest.
const escapedByGo = /[<>&\u2028\u2029]/g;

/** A value as rpcx writes it: `store.KVPair` by encoding/json (libkv store/redis/redis.go, Put), byte for byte. `lastIndex` is below 1e9. */
export function writeStored(key: string, value: string, lastIndex: number): string {
  const text = JSON.stringify(Buffer.from(key).toString()).replace(escapedByGo, (found) => `\\u${found.charCodeAt(0).toString(16).padStart(4, '0')}`);
  return `{"Key":${text},"Value":"${Buffer.from(value).toString('base64')}","LastIndex":${lastIndex}}`;
}

/** The metadata in a value; undefined for a value that rpcx would not read. */
export function readStored(stored: string): string | undefined {
  try {
    const pair: unknown = JSON.parse(stored);
    if (typeof pair !== 'object' || pair === null || !('Value' in pair)) return undefined;
    const { Value: value } = pair;
    // What Go writes for a nil slice.
    if (value === null) return '';
    if (typeof value !== 'string' || value.length % 4 !== 0 || !/^[A-Za-z0-9+/]*={0,2}$/.test(value)) return undefined;
    return Buffer.from(value, 'base64').toString();
  } catch {
    return undefined;
  }
}

/** Tells two values apart; the scripts in Redis compute the same. */
export function versionOf(stored: Buffer): string {
  return createHash('sha1').update(stored).digest('hex');
}
