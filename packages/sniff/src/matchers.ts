/** What a matcher makes of the bytes so far; `more` waits for the next ones. */
export type Verdict = 'yes' | 'no' | 'more';

/**
 * Looks at the first bytes of a connection. It is asked first with none, then whenever more have come, always with all of them; the bytes are only
 * lent. It should say `yes` or `no` as soon as it can, because the matchers after it wait.
 */
export type Matcher = (bytes: Uint8Array) => Verdict;

const ascii = (text: string): readonly number[] => Array.from({ length: text.length }, (_, at) => text.charCodeAt(at));

/** Whether the bytes from `at` on are one of the words. */
function oneOf(bytes: Uint8Array, words: readonly (readonly number[])[], at = 0): Verdict {
  let verdict: Verdict = 'no';
  for (const word of words) {
    let same = 0;
    while (same < word.length && bytes[at + same] === word[same]) same++;
    if (same === word.length) return 'yes';
    if (at + same >= bytes.length) verdict = 'more';
  }
  return verdict;
}

const frameStart = [[0x08]];
/** rpcx: its frames begin with the byte 08 (`protocol/message.go` magicNumber). */
export const isRpcx: Matcher = (bytes) => oneOf(bytes, frameStart);

const connect = [ascii('CONNECT ')];
/** An HTTP CONNECT, for example that of `transport-http-connect`. It goes before `isHttp`, which takes it too. */
export const isConnect: Matcher = (bytes) => oneOf(bytes, connect);

const methods = ['GET ', 'HEAD ', 'POST ', 'PUT ', 'DELETE ', 'CONNECT ', 'OPTIONS ', 'TRACE ', 'PATCH ', 'PRI * HTTP/2.0'].map(ascii);
/** HTTP/1 by its method, CONNECT included, and HTTP/2 without TLS by its preface. */
export const isHttp: Matcher = (bytes) => oneOf(bytes, methods);

/** TLS: a record with a ClientHello in it, of any version since 1.0 (RFC 8446 5.1). */
export const isTls: Matcher = (bytes) => {
  if (bytes.length > 0 && bytes[0] !== 0x16) return 'no';
  if (bytes.length > 1 && bytes[1] !== 0x03) return 'no';
  if (bytes.length > 5) return bytes[5] === 0x01 ? 'yes' : 'no';
  return 'more';
};

const blanks: ReadonlySet<number> = new Set(ascii(' \t\r\n'));
/** JSON: an object or an array, blanks before it allowed; JSON-RPC 1.0 of Go's net/rpc begins so. */
export const isJson: Matcher = (bytes) => {
  for (const byte of bytes) if (!blanks.has(byte)) return byte === 0x7b || byte === 0x5b ? 'yes' : 'no';
  return 'more';
};

const requestType = [[3, 1, 1, 7, ...ascii('Request')]];
/** Go's net/rpc with gob: its first message describes the type Request (`net/rpc/server.go`), whose number is a negative one of 1 to 3 bytes. */
export const isGob: Matcher = (bytes) => {
  const [length, id] = bytes;
  if (length !== undefined && (length < 0x20 || length > 0x7f)) return 'no';
  if (id === undefined) return 'more';
  // gob counts the bytes of a number above 127 in its first one: ff is one, fe two.
  const idBytes = id <= 0x7f ? 1 : 0x100 - id + 1;
  if (idBytes > 3) return 'no';
  return oneOf(bytes, requestType, 1 + idBytes);
};
