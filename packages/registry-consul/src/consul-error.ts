import { thrownText, type RpcError } from '@rpcxjs/core';
import { registryError, type RegistryErrorInit } from '@rpcxjs/registry-kit';

type Verdict = Pick<RegistryErrorInit, 'code' | 'reason' | 'hint'>;

const refused = (hint: string): Verdict => ({ code: 'unauthenticated', reason: 'REGISTRY_REFUSED', hint });
const forbidden = (hint: string): Verdict => ({ code: 'permission_denied', reason: 'REGISTRY_REFUSED', hint });
const unexpected = (hint: string): Verdict => ({ code: 'failed_precondition', reason: 'REGISTRY_UNEXPECTED', hint });
const unavailable = (hint: string): Verdict => ({ hint });

/** The meaning of texts of Consul. */
const sayings: readonly (readonly [RegExp, Verdict])[] = [
  [/ACL not found|token does not exist|Bad token/i, refused('it does not know this token: check `token`')],
  [/Permission denied|lacks permission/i, forbidden('check `token`: servers need key:write below the base path and session:write on the node of the agent, clients key:read')],
  [/No path to datacenter/i, unexpected('it knows no such datacenter: check `datacenter`')],
  [/HTTP request to an HTTPS server/i, unexpected("it speaks TLS: write the address with https://, and put the authority into tls.ca when it is none of the system's")],
  [/too large/i, { code: 'invalid_argument', reason: 'REGISTRY_REFUSED', hint: 'Consul takes 512 KiB for a value with its key: register less metadata' }],
  [/lock delay/i, unavailable('who held the key before asked Consul to keep it shut for a while behind the end of its session: it is tried again')],
  [/No cluster leader|leadership lost|not ready|Missing node registration/i, unavailable('its servers elect a leader, or have lost one another: see `consul operator raft list-peers`')],
];

const noTls = unexpected('what runs there does not speak TLS: leave `tls` out or write http://, or check the port');
const wrongServer = unexpected('what answers there is no Consul: check the port, that of its HTTP API is 8500');
const unknownAuthority = unexpected('the certificate comes from an authority that is not known here: put that authority into tls.ca');

/** The meaning of error codes of Node and OpenSSL. */
const codes: Readonly<Record<string, Verdict>> = {
  ECONNREFUSED: unavailable('nobody listens there: does the Consul agent run, and is it the port of its HTTP API?'),
  ENOTFOUND: unavailable('the name does not resolve: check its spelling and the DNS'),
  EAI_AGAIN: unavailable('the name server did not answer: check the DNS'),
  ETIMEDOUT: unavailable('the host did not answer: is it up, and does a firewall drop the packets?'),
  EHOSTUNREACH: unavailable('no route to the host: check the network and the address'),
  ECONNRESET: unavailable('it cut the connection without a word: does it want TLS (https://), does something else than Consul run there, or are there more connections than its limits.http_max_conns_per_client?'),
  EPROTO: noTls,
  ERR_SSL_WRONG_VERSION_NUMBER: noTls,
  ERR_SSL_PACKET_LENGTH_TOO_LONG: noTls,
  DEPTH_ZERO_SELF_SIGNED_CERT: unexpected('the certificate is self-signed: put it into tls.ca to trust it'),
  SELF_SIGNED_CERT_IN_CHAIN: unknownAuthority,
  UNABLE_TO_GET_ISSUER_CERT: unknownAuthority,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: unknownAuthority,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: unknownAuthority,
  CERT_HAS_EXPIRED: unexpected('the certificate has expired: renew it, and check the clock of this machine'),
  ERR_TLS_CERT_ALTNAME_INVALID: unexpected('the certificate is for another host: dial a name that it lists, or set tls.servername to one'),
  ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED: refused('it asks for a client certificate: set tls.cert and tls.key'),
  ERR_SSL_SSLV3_ALERT_BAD_CERTIFICATE: refused('it asks for a client certificate of its own authority: set tls.cert and tls.key'),
  ERR_SSL_TLSV1_ALERT_UNKNOWN_CA: refused('it does not trust our certificate: give it one of its own authority'),
};

/** The reply is not one of Consul. */
export class NotConsul extends Error {
  override name = 'NotConsul';
}

/** The library's error for a reply that is no success. */
interface RefusedReply extends Error {
  readonly response: { readonly statusCode: number; readonly body?: unknown };
}

/** The status of a reply that is no success; undefined for what is no reply. */
export function statusOf(error: unknown): number | undefined {
  return isReply(error) ? error.response.statusCode : undefined;
}
/** The body of such a reply, decoded when it was JSON. */
export function bodyOf(error: unknown): unknown {
  return isReply(error) ? error.response.body : undefined;
}

/** The error of what Consul did not do, with what to try. */
export function consulError(where: string, what: string, cause: unknown): RpcError {
  const said = saidText(cause);
  // The error carries the request, with the token in it.
  const shown = isReply(cause) ? new Error(said) : said === thrownText(cause) ? cause : new Error(said, { cause });
  return registryError({ name: 'consul', where, what, cause: shown, ...verdict(cause, said) });
}

function saidText(cause: unknown): string {
  if (!isReply(cause)) {
    const text = thrownText(cause).replace(/^(consul: )?(([\w.]+): )?/, '');
    const code = codeOf(cause);
    if (code === 'EPROTO' || code.startsWith('ERR_SSL_')) return `TLS failed (${/:SSL routines:\w*:([^:]+)/.exec(text)?.[1] ?? code})`;
    return code.startsWith('HPE_') ? `it does not speak HTTP (${text})` : text;
  }
  const { statusCode, body } = cause.response;
  const raw = Buffer.isBuffer(body) ? body.toString() : typeof body === 'string' ? body : body === undefined ? '' : JSON.stringify(body);
  const text = raw.replace(/\s+/g, ' ').trim().slice(0, 200);
  return `HTTP ${statusCode}${text === '' ? '' : ` ${text}`}`;
}

function verdict(cause: unknown, said: string): Verdict {
  if (cause instanceof NotConsul || codeOf(cause).startsWith('HPE_')) return wrongServer;
  const known = sayings.find(([pattern]) => pattern.test(said))?.[1];
  if (known !== undefined && (isReply(cause) || codeOf(cause) === '')) return known;
  const status = statusOf(cause);
  if (status === undefined) return codes[codeOf(cause)] ?? {};
  if (status === 401 || status === 403) return forbidden('check `token`');
  if (status === 429) return unavailable('it has more connections or requests than it allows: raise its limits.http_max_conns_per_client');
  return status >= 500 ? unavailable('see the log of the agent') : wrongServer;
}

function isReply(error: unknown): error is RefusedReply {
  return error instanceof Error && 'isResponse' in error && 'response' in error;
}
function codeOf(cause: unknown): string {
  return typeof cause === 'object' && cause !== null && 'code' in cause ? String(cause.code) : '';
}
