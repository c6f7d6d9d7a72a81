/** Why a CONNECT was not answered with `200 Connected to rpcx`; the `cause` of the dial's error. */
export class HttpRefusal extends Error {
  override readonly name = 'HttpRefusal';
  /** The number of the status line. */
  readonly status: number;
  /** As the other side sent it, for example `HTTP/1.0 404 Not Found`. */
  readonly statusLine: string;

  constructor(statusLine: string, status: number, path: string) {
    super(`it answered "${statusLine}": ${adviceFor(status, path)}`);
    this.statusLine = statusLine;
    this.status = status;
  }
}

function adviceFor(status: number, path: string): string {
  if (status === 404) return `there is no rpcx at ${path}: give path the value of the server`;
  if (status === 405) return `${path} does not take CONNECT there: give path the value of the rpcx server, and see whether a proxy in between lets CONNECT through`;
  if (status === 407) return 'a proxy asks who you are: give headers { \'Proxy-Authorization\': … }, or go around the proxy';
  if (status === 401 || status === 403) return `${path} is not open to this client: ask whoever runs the server or a proxy in between, and see the headers option`;
  if (status === 400) return 'it did not understand the request: does it speak TLS, or does a proxy in between refuse HTTP/1.0?';
  if (status >= 300 && status < 400) return 'rpcx follows no redirects: dial the server itself';
  if (status >= 500) return 'the server, or a proxy in between, is not able to serve now: look into its log';
  if (status >= 200 && status < 300) return `this is no rpcx server, which says "200 Connected to rpcx": are the address and the path ${path} right?`;
  return `is there an rpcx server at ${path}?`;
}
