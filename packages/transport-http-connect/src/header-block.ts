/** As many as Node's own HTTP takes. */
export const mostHeaderBytes: number = 16 * 1024;

const lineFeed = 0x0a;
const carriageReturn = 0x0d;

/**
 * Finds the end of an HTTP message's head while its bytes come in. Lines end with LF or CRLF: rpcx writes bare line feeds
 * (`client/connection.go` newDirectHTTPConn, `server/server.go` ServeHTTP), which Node's own parser refuses.
 */
export class HeaderBlock {
  #at = 0;
  #firstEnd = -1;

  /** `bytes` are all that came so far. The count of bytes up to and including the empty line, or undefined: more are needed. */
  end(bytes: Uint8Array): number | undefined {
    for (;;) {
      const feed = bytes.indexOf(lineFeed, this.#at);
      if (feed < 0) return undefined;
      const length = feed > this.#at && bytes[feed - 1] === carriageReturn ? feed - 1 - this.#at : feed - this.#at;
      if (this.#firstEnd < 0) this.#firstEnd = feed;
      this.#at = feed + 1;
      if (length === 0) return this.#at;
    }
  }

  /** The first line without its end; empty while it is not whole. */
  firstLine(bytes: Uint8Array): string {
    if (this.#firstEnd < 0) return '';
    const line = String.fromCharCode(...bytes.subarray(0, Math.min(this.#firstEnd, mostHeaderBytes)));
    return line.endsWith('\r') ? line.slice(0, -1) : line;
  }
}

/** Whether the bytes so far can be the beginning of `word`. */
export function mayBegin(bytes: Uint8Array, word: string): boolean {
  for (let at = 0; at < Math.min(bytes.length, word.length); at++) if (bytes[at] !== word.charCodeAt(at)) return false;
  return true;
}

/** The first bytes in hex, for messages. */
export function firstBytes(bytes: Uint8Array): string {
  return [...bytes.subarray(0, 8)].map((byte) => byte.toString(16).padStart(2, '0')).join(' ');
}

/** What bytes that are no HTTP look like: a sentence that says what to do. */
export function guessOf(bytes: Uint8Array): string {
  const first = bytes[0];
  if (first === 0x08) return 'this looks like rpcx without HTTP: use tcp@ on one side, or http@ on both';
  if (first === 0x15 || first === 0x16) return 'this looks like TLS: give both sides the tls option, or neither';
  return 'is the port right?';
}
