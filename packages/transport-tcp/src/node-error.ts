import { formatAddress, RpcError } from '@rpcxjs/core';
import type { Address } from '@rpcxjs/core';

declare module '@rpcxjs/core' {
  interface Reasons {
    LISTEN_FAILED: true;
  }
}

/** What to try, by the code that Node, libuv or OpenSSL puts on the error. */
const advice: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'nobody listens there: is the server running, and is the port right?',
  ECONNRESET: 'the other side cut the connection',
  EPIPE: 'the other side cut the connection',
  ETIMEDOUT: 'the host did not answer: is it up, and does a firewall drop the packets?',
  EHOSTUNREACH: 'no route to the host: check the network and the address',
  ENETUNREACH: 'no route to the network: check the network and the address',
  ENOTFOUND: 'the name does not resolve: check its spelling and the DNS',
  EAI_AGAIN: 'the name server did not answer: check the DNS and try again',
  EADDRINUSE: 'somebody listens there already: stop that process, or choose another address (port 0 is any free port)',
  EADDRNOTAVAIL: 'this machine has no such address: bind to one of its own, or to :port for all of them',
  EACCES: 'not permitted: ports below 1024 need a privilege, and a socket file needs write permission on it and its folder',
  EPERM: 'not permitted by the system: check the sandbox or the firewall',
  EMFILE: 'this process has no file descriptor left: raise `ulimit -n` or close connections',
  ENFILE: 'the system has no file descriptor left',
  ENOTSUP: 'the system cannot do this, such as share a port: leave reusePort out, and use node:cluster',
  ENOENT: 'there is no such socket file: is the server running, and is the path right?',
  ENOTSOCK: 'the file is no socket: check the path',
  EINVAL: 'the system refuses this address: check it',
  CERT_HAS_EXPIRED: 'the certificate has expired: renew it, and check the clock of this machine',
  CERT_NOT_YET_VALID: 'the certificate is not valid yet: check the clock of this machine',
  CERT_REVOKED: 'the certificate was revoked: renew it',
  ERR_TLS_CERT_ALTNAME_INVALID: 'the certificate is for another host: dial a name that it lists, or set tls.servername to one',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'the certificate is self-signed: put it into tls.ca to trust it',
  SELF_SIGNED_CERT_IN_CHAIN: 'the certificate comes from an authority that is not known here: put that authority into tls.ca',
  UNABLE_TO_GET_ISSUER_CERT: 'the certificate comes from an authority that is not known here: put that authority into tls.ca',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'the certificate comes from an authority that is not known here: put that authority into tls.ca',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'the certificate comes from an authority that is not known here: put that authority into tls.ca',
  INVALID_PURPOSE: 'the certificate was not made for this purpose: check its extended key usage',
  ERR_SSL_WRONG_VERSION_NUMBER: 'the other side does not speak TLS: give both sides the tls option, or neither',
  ERR_SSL_PACKET_LENGTH_TOO_LONG: 'the other side does not speak TLS: give both sides the tls option, or neither',
  ERR_SSL_UNSUPPORTED_PROTOCOL: 'the other side speaks no TLS version that is allowed here; 1.2 is the least',
  ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION: 'the other side allows no TLS version that is spoken here; 1.2 is the least',
  ERR_SSL_HTTP_REQUEST: 'this looks like HTTP on a TLS port: the client needs https, or an rpcx client with the tls option',
  ERR_SSL_TLSV1_ALERT_UNKNOWN_CA: 'the other side does not trust our certificate: put its authority into the tls.ca of that side',
  ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED: 'the server asks for a client certificate: set tls.cert and tls.key',
  ERR_SSL_PEER_DID_NOT_RETURN_A_CERTIFICATE: 'the client sent no certificate: set its tls.cert and tls.key',
  ERR_SSL_SSLV3_ALERT_CERTIFICATE_EXPIRED: 'the other side says that our certificate has expired: renew it',
  ERR_SSL_HTTPS_PROXY_REQUEST: 'this is a CONNECT of HTTP without TLS: the client needs the tls option',
  ERR_SSL_SSLV3_ALERT_BAD_CERTIFICATE: 'the other side does not accept our certificate',
  ERR_SSL_SSLV3_ALERT_CERTIFICATE_UNKNOWN: 'the other side does not accept our certificate',
  ERR_SSL_SSLV3_ALERT_CERTIFICATE_REVOKED: 'the other side says that our certificate was revoked: renew it',
  ERR_SSL_SSLV3_ALERT_UNSUPPORTED_CERTIFICATE: 'the other side says that our certificate was not made for this purpose: check its extended key usage, and the kind of its key',
  ERR_SSL_TLSV1_ALERT_ACCESS_DENIED: 'the other side knows our certificate, and does not let it in',
  ERR_SSL_TLSV1_UNRECOGNIZED_NAME: 'the other side has no certificate for that name: dial one that it serves, or set tls.servername to it',
  ERR_SSL_TLSV1_ALERT_NO_APPLICATION_PROTOCOL: 'the other side wants to hear a protocol (ALPN), which rpcx over TLS does not name: is it an rpcx server?',
  ERR_SSL_TLSV1_ALERT_INTERNAL_ERROR: 'the other side failed during the TLS handshake: look into its log, and whether it has a certificate for that name',
  ERR_SSL_SSLV3_ALERT_HANDSHAKE_FAILURE: 'the two sides have no cipher or certificate kind in common',
  ERR_SSL_TLSV1_ALERT_INSUFFICIENT_SECURITY: 'the two sides have no cipher in common that the other side takes for strong enough',
  ERR_SSL_NO_SHARED_CIPHER: 'the two sides have no cipher or certificate kind in common',
  ERR_TLS_HANDSHAKE_TIMEOUT: 'the other side did not finish the TLS handshake: does it speak TLS?',
};

interface NodeError {
  readonly code?: unknown;
  readonly message?: unknown;
  readonly errors?: readonly unknown[];
}

/** The code of an error of Node, the same for all versions; of several attempts (a name with several addresses) that of the first. */
export function errorCode(cause: unknown): string | undefined {
  const error = (typeof cause === 'object' && cause !== null ? cause : {}) as NodeError; // read by duck typing, whatever was thrown
  // OpenSSL calls some alerts otherwise from 3.2 on, which Node has from version 22.
  if (typeof error.code === 'string') return error.code.replace('SSL/TLS_ALERT', 'SSLV3_ALERT');
  return error.errors === undefined ? undefined : errorCode(error.errors[0]);
}

/** The message for a peer that ends or resets a connection instead of answering a ClientHello. */
export const hungUpInHandshake = 'the other side hung up during the TLS handshake: does it speak TLS, and does it ask for a client certificate?';

/** The sentence that says what to try, or undefined when nothing is known about the error. */
export function adviceFor(cause: unknown): string | undefined {
  const code = errorCode(cause);
  if (code === 'ECONNRESET' && cause instanceof Error && cause.message.includes('before secure TLS')) return hungUpInHandshake;
  return code === undefined ? undefined : advice[code];
}

function describe(cause: unknown, hint: string | undefined = adviceFor(cause)): string {
  const code = errorCode(cause);
  if (code !== undefined && hint !== undefined) return `${code}, ${hint}`;
  return cause instanceof Error && cause.message !== '' ? cause.message : String(code ?? cause);
}

/** The one error of a dial that failed: `unavailable`, CONNECT_FAILED; no byte of any call left the process. `hint` says what to try where the code alone does not. */
export function connectFailed(cause: unknown, address: Address, hint: string | undefined = adviceFor(cause)): RpcError {
  const target = formatAddress(address);
  return new RpcError('unavailable', `could not connect to ${target}: ${describe(cause, hint)}`, { reason: 'CONNECT_FAILED', sent: false, address: target, cause });
}

/** The one error of a connection that broke: `unavailable`, CONNECTION_LOST. */
export function connectionLost(cause: unknown, address: Address | undefined): RpcError {
  const target = address === undefined ? undefined : formatAddress(address);
  return new RpcError('unavailable', `the connection to ${target ?? 'a peer without an address'} was lost: ${describe(cause)}`, {
    reason: 'CONNECTION_LOST', address: target, cause,
  });
}

const overUdp: ReadonlySet<string> = new Set(['kcp', 'quic']);

/** What to try about a port; socket files have none. */
function listenAdvice(cause: unknown, { network, host }: Address): string | undefined {
  const port = /:(\d+)$/.exec(host)?.[1];
  const code = port === undefined ? undefined : errorCode(cause);
  if (code === 'EADDRINUSE') {
    const who = process.platform === 'win32' ? `netstat -ano | findstr :${port}` : overUdp.has(network) ? `lsof -iUDP:${port}` : `lsof -iTCP:${port} -sTCP:LISTEN`;
    return `somebody listens there already: \`${who}\` says which process; stop it, or choose another address (port 0 is any free port)`;
  }
  if (code === 'EACCES') return `not permitted: ports below 1024 need a privilege (CAP_NET_BIND_SERVICE on Linux); listen on a higher one than ${port}, and let a proxy pass that one on`;
  return adviceFor(cause);
}

/** The one error of a listen that failed: `unavailable`, LISTEN_FAILED. */
export function listenFailed(cause: unknown, address: Address): RpcError {
  const target = formatAddress(address);
  return new RpcError('unavailable', `could not listen on ${target}: ${describe(cause, listenAdvice(cause, address))}`, { reason: 'LISTEN_FAILED', sent: false, address: target, cause });
}
