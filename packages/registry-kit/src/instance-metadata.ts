import type { InstanceMetadata } from '@rpcxjs/core';

/**
 * Metadata as registries keep it: a query string as Go's `url.Values.Encode` writes it, sorted by key, values of one key in their order, a space as `+`. Empty for none.
 */
export function formatMetadata(metadata: InstanceMetadata): string {
  const encoder = new TextEncoder();
  const entries = Object.entries(metadata).map(([key, value]) => ({ key: encoder.encode(key), values: typeof value === 'string' ? [value] : value }));
  return entries.sort((a, b) => Buffer.compare(a.key, b.key)).flatMap(({ key, values }) => values.map((value) => `${escaped(key)}=${escaped(encoder.encode(value))}`)).join('&');
}

/**
 * What Go's `url.ParseQuery` reads, as metadata: repeated keys are kept in their order. Undefined for what Go refuses, a broken `%` escape or a `;`; rpcx then goes on
 * as if there were none (client/xclient_discovery.go, filterByStateAndGroup). Bytes that are no UTF-8 become U+FFFD.
 */
export function parseMetadata(text: string): InstanceMetadata | undefined {
  const found = new Map<string, string[]>();
  for (const part of text.split('&')) {
    if (part === '') continue;
    const at = part.indexOf('=');
    const key = unescaped(at < 0 ? part : part.slice(0, at));
    const value = unescaped(at < 0 ? '' : part.slice(at + 1));
    if (key === undefined || value === undefined || part.includes(';')) return undefined;
    const values = found.get(key);
    if (values === undefined) found.set(key, [value]);
    else values.push(value);
  }
  return Object.fromEntries([...found].map(([key, values]) => [key, values.length === 1 ? (values[0] ?? '') : values]));
}

function escaped(bytes: Uint8Array): string {
  let text = '';
  for (const byte of bytes) text += byte === 0x20 ? '+' : isPlain(byte) ? String.fromCharCode(byte) : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;
  return text;
}

/** Letters, digits, `-`, `.`, `_` and `~` (Go net/url, shouldEscape). */
function isPlain(byte: number): boolean {
  const letter = byte | 0x20;
  return (letter >= 0x61 && letter <= 0x7a) || (byte >= 0x30 && byte <= 0x39) || byte === 0x2d || byte === 0x2e || byte === 0x5f || byte === 0x7e;
}

/** Undefined for a `%` without two hex digits behind it. */
function unescaped(text: string): string | undefined {
  const bytes = Buffer.from(text, 'utf8');
  let length = 0;
  for (let at = 0; at < bytes.length; at++) {
    let byte = bytes[at] ?? 0;
    if (byte === 0x2b) byte = 0x20;
    else if (byte === 0x25) {
      const digits = bytes.toString('latin1', at + 1, at + 3);
      if (!/^[0-9A-Fa-f]{2}$/.test(digits)) return undefined;
      byte = Number.parseInt(digits, 16);
      at += 2;
    }
    bytes[length++] = byte;
  }
  return bytes.toString('utf8', 0, length);
}
