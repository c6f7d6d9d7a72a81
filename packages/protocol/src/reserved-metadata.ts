/** Keys and names that rpcx or this project gives a meaning to. */
export const reserved = {
  /** Text of the error; rpcx's own clients take an error status without it for a success. */
  error: '__rpcx_error__',
  /** Token of a request. */
  auth: '__AUTH',
  /** What is left of the caller's time, decimal milliseconds; may be 0 or negative. */
  timeout: '__ServerTimeout',
  /** Our offer on a heartbeat, our answer, and a structured error between peers that agreed. */
  offer: '_rpcxjs',
  accept: '_rpcxjs-ok',
  structuredError: '_rpcxjs-error',
  /** On replies of a server that will go, to peers that agreed. */
  drain: '_rpcxjs-drain',
  /** Service path of control messages; the method is the word. */
  controlPath: '_rpcxjs',
} as const;
