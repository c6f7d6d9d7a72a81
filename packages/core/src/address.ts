/** Where a peer is: rpcx's `network@host`, for example `tcp@127.0.0.1:8972`. `:8972` parses as every local interface. */
export interface Address {
  readonly network: string;
  readonly host: string;
}

/** Splits at the first `@`; without one the network is `tcp` (rpcx `client/xclient_discovery.go`, splitNetworkAndAddress). */
export function parseAddress(text: string): Address {
  const at = String(text).indexOf('@');
  const network = at < 0 ? 'tcp' : text.slice(0, at);
  const host = at < 0 ? text : text.slice(at + 1);
  if (typeof text !== 'string' || network === '' || host === '') {
    throw new TypeError(`"${text}" is no address: write network@host, for example tcp@127.0.0.1:8972`);
  }
  return { network, host };
}

export function formatAddress(address: Address): string {
  return `${address.network}@${address.host}`;
}

/** Splits `host:port`, `[::1]:port` or `:port`; an empty host means every local interface. Throws TypeError. */
export function splitHostPort(text: string): { readonly host: string; readonly port: number } {
  const colon = text.lastIndexOf(':');
  const tail = text.slice(colon + 1);
  // Digits only: `Number` would also take `0x50`, `1e3` and blanks.
  const port = /^\d{1,5}$/.test(tail) ? Number(tail) : Infinity;
  const bracketed = text.startsWith('[') && text[colon - 1] === ']';
  const host = bracketed ? text.slice(1, colon - 1) : text.slice(0, colon);
  const ambiguous = !bracketed && host.includes(':');
  if (colon < 0 || ambiguous || port > 65_535) {
    throw new TypeError(`"${text}" is no host and port: write 127.0.0.1:8972, [::1]:8972 or :8972`);
  }
  return { host, port };
}
