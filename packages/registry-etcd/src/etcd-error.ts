import { thrownText, type RpcError } from '@rpcxjs/core';
import { registryError, type RegistryErrorInit } from '@rpcxjs/registry-kit';

type Verdict = Pick<RegistryErrorInit, 'code' | 'reason' | 'hint'>;

const unauthenticated = (hint: string): Verdict => ({ code: 'unauthenticated', reason: 'REGISTRY_REFUSED', hint });
const unexpected = (hint: string): Verdict => ({ code: 'failed_precondition', reason: 'REGISTRY_UNEXPECTED', hint });

/** The meaning of texts of gRPC, OpenSSL and etcd; the first that matches counts. */
const verdicts: readonly (readonly [RegExp, Verdict])[] = [
  [/authentication failed|invalid user ID or password|user name not found/i, unauthenticated('check `username` and `password`')],
  [/user name is empty|invalid auth token|UNAUTHENTICATED/i, unauthenticated('etcd wants to know who asks: set `username` and `password`')],
  [/authentication is not enabled/i, unexpected('this etcd asks nobody for a password: leave `username` and `password` out, or see whether it is the right one')],
  [/permission denied/i, { code: 'permission_denied', reason: 'REGISTRY_REFUSED', hint: 'grant the role of this user readwrite below the base path' }],
  [/certificate required|bad certificate|unknown ca|alert number (42|48|116)/i, unauthenticated('etcd asks for a client certificate that it trusts: set tls.cert and tls.key')],
  [/self.signed|unable to (get|verify)|altname|Hostname\/IP|certificate has expired/i, unexpected("etcd's certificate is not trusted: put its authority into tls.ca, and set tls.servername to a name that it lists")],
  [/wrong version number|EPROTO|packet length too long|before secure TLS connection/i, unexpected('what runs there does not speak TLS: leave `tls` and https:// out, or check the port')],
  [/UNIMPLEMENTED|Protocol error|ERR_HTTP2|NGHTTP2|HTTP2|Parse Error|Expected HTTP|invalid content-type|Received HTTP status|unexpected end of|Bad Gateway/i, unexpected('what runs there is no etcd v3, or wants TLS: check the port, and the `tls` option')],
  [/ECONNREFUSED/, { hint: 'nobody listens there: does etcd run, and is the port right?' }],
  [/ENOTFOUND|EAI_AGAIN|Name resolution failed/, { hint: 'the name does not resolve: check its spelling and the DNS' }],
  [/ECONNRESET|socket hang up|ECONNABORTED|Connection dropped|Failed to connect|GOAWAY/, { hint: 'it cut the connection without a word: does it want TLS (the option `tls`), or does something else run there?' }],
  [/no leader/i, { hint: 'this member has lost the others, or most of them are down: name all members of the cluster in `endpoints`, and see how they are' }],
  [/mvcc: database space exceeded/, { code: 'resource_exhausted', hint: 'its disk quota is used up: compact and defragment it, then clear the alarm' }],
];

/** The error of what an etcd did not do, with what to try. */
export function etcdError(where: string, what: string, cause: unknown): RpcError {
  const text = thrownText(cause);
  return registryError({ name: 'etcd', where, what, cause, ...verdicts.find(([says]) => says.test(text))?.[1] });
}
