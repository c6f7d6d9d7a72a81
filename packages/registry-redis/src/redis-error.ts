import { thrownText, type RpcError } from '@rpcxjs/core';
import { registryError, type RegistryErrorInit } from '@rpcxjs/registry-kit';

type Verdict = Pick<RegistryErrorInit, 'code' | 'reason' | 'hint'>;

const refused = (hint: string): Verdict => ({ code: 'unauthenticated', reason: 'REGISTRY_REFUSED', hint });
const forbidden = (hint: string): Verdict => ({ code: 'permission_denied', reason: 'REGISTRY_REFUSED', hint });
const unexpected = (hint: string): Verdict => ({ code: 'failed_precondition', reason: 'REGISTRY_UNEXPECTED', hint });
const unavailable = (hint: string): Verdict => ({ hint });

const noCluster = unexpected('this is a Redis Cluster, which rpcx does not speak in any language: give it a Redis of its own');
const wrongDatabase = unexpected('choose a `database` that this server has');

/** The meaning of replies of the server, by how they begin. */
const replies: readonly (readonly [RegExp, Verdict])[] = [
  [/^NOAUTH/, refused('the server wants a password: set `password`, and `username` for a user of its own')],
  [/^(WRONGPASS|ERR invalid password)/, refused('check `username` and `password`')],
  [/^ERR (AUTH <password> called without|Client sent AUTH)/, refused('the server has no password: leave `password` out, or see whether this is the right server')],
  [/(^|-)NOPERM |^ERR The user executing the script/, forbidden('the user lacks a right: @rpcxjs/registry-redis lists in its README what an ACL must allow')],
  [/^DENIED/, forbidden('the server is in protected mode: bind it to its network and give it a password')],
  [/^LOADING/, unavailable('it still reads its data from the disk: it answers when that is done')],
  [/(^|-)READONLY /, unavailable('it is a replica: put its master into `nodes` too, or use `sentinel`')],
  [/(^|-)MASTERDOWN /, unavailable('it is a replica that has lost its master: put the other servers into `nodes` too, or use `sentinel`')],
  [/(^|-)MISCONF /, unavailable('it cannot write to its disk and takes no writes: see its log')],
  [/(^|-)OOM /, unavailable('its memory is full: raise its `maxmemory`, or give the registry a Redis of its own')],
  [/^BUSY/, unavailable("somebody's script keeps it from answering: `redis-cli script kill` ends it")],
  [/(^|-)NOREPLICAS /, unavailable('too few of its replicas are there (min-replicas-to-write)')],
  [/^ERR max number of clients/, unavailable('it has as many connections as it allows: raise its `maxclients`, or see who opens them')],
  [/^(MOVED|ASK|CROSSSLOT|CLUSTERDOWN|redis_mode:cluster|ERR SELECT is not allowed in cluster)/, noCluster],
  [/^ERR (DB index|invalid DB index)/, wrongDatabase],
  [/^ERR unknown command/i, unexpected('it does not know this command: Redis 4 or newer, or a server that is like it, without `rename-command`')],
];

const wrongServer = unexpected('what runs there is no Redis: check the port');
const noTls = unexpected('what runs there does not speak TLS: leave `tls` out, or check the port');
const unknownAuthority = unexpected('the certificate comes from an authority that is not known here: put that authority into tls.ca');

/** The meaning of error codes of Node and OpenSSL. */
const codes: Readonly<Record<string, Verdict>> = {
  ECONNREFUSED: unavailable('nobody listens there: does Redis run, and is the port right?'),
  ENOTFOUND: unavailable('the name does not resolve: check its spelling and the DNS'),
  EAI_AGAIN: unavailable('the name server did not answer: check the DNS'),
  ETIMEDOUT: unavailable('the host did not answer: is it up, and does a firewall drop the packets?'),
  EHOSTUNREACH: unavailable('no route to the host: check the network and the address'),
  ERR_SSL_WRONG_VERSION_NUMBER: noTls,
  ERR_SSL_PACKET_LENGTH_TOO_LONG: noTls,
  EPROTO: noTls,
  DEPTH_ZERO_SELF_SIGNED_CERT: unexpected('the certificate is self-signed: put it into tls.ca to trust it'),
  SELF_SIGNED_CERT_IN_CHAIN: unknownAuthority,
  UNABLE_TO_GET_ISSUER_CERT: unknownAuthority,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: unknownAuthority,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: unknownAuthority,
  CERT_HAS_EXPIRED: unexpected('the certificate has expired: renew it, and check the clock of this machine'),
  ERR_TLS_CERT_ALTNAME_INVALID: unexpected('the certificate is for another host: dial a name that it lists, or set tls.servername to one'),
  ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED: refused('the server asks for a client certificate: set tls.cert and tls.key'),
  ERR_SSL_TLSV1_ALERT_UNKNOWN_CA: refused('the server does not trust our certificate: give it one of its own authority'),
};

/** What went wrong, where. */
export interface RedisErrorInit {
  readonly where: string;
  readonly what: string;
  readonly cause: unknown;
  /** Nothing has come from the server on this connection yet. */
  readonly unheard?: boolean | undefined;
}

/** The error of what a Redis did not do, with what to try. */
export function redisError({ where, what, cause, unheard = false }: RedisErrorInit): RpcError {
  const text = plainText(cause);
  // The error carries the command with its arguments, which may be a password.
  const shown = isReply(cause) || text !== thrownText(cause) ? new Error(text, isReply(cause) ? undefined : { cause }) : cause;
  return registryError({ name: 'redis', where, what, cause: shown, ...verdict(cause, text, unheard) });
}

/** The text without the library's own additions. */
function plainText(cause: unknown): string {
  const text = thrownText(cause);
  const code = codeOf(cause);
  if (code === 'EPROTO' || code.startsWith('ERR_SSL_')) return `TLS failed (${/:SSL routines:\w*:([^:]+)/.exec(text)?.[1] ?? code})`;
  if (text === 'Connection is closed.' || text.startsWith("Stream isn't writeable")) return 'the connection was cut';
  // ioredis does not understand a message that a server sends unasked before it hangs up.
  return text.replace(/^Command queue state error\..*Last (?:error|reply): /s, '').replace(/\. Please report this\.$/, '');
}

/** Whether the error is a reply of the server. */
export function isReply(error: unknown): error is Error {
  return error instanceof Error && error.name === 'ReplyError';
}
/** Whether the server refused: no right to it, or no such command. */
export function isRefusal(error: unknown): boolean {
  return isReply(error) && /^(NOPERM |ERR unknown |ERR CONFIG )/i.test(error.message);
}

function verdict(cause: unknown, text: string, unheard: boolean): Verdict {
  const known = replies.find(([begins]) => begins.test(text))?.[1];
  if (known !== undefined) return known;
  if (/^(Unknown RESP type|Protocol error)/.test(text)) return wrongServer;
  const byCode = codes[codeOf(cause)];
  if (byCode !== undefined) return byCode;
  if (unheard && !isReply(cause)) return unavailable('it cut the connection without a word: does it want TLS (the option `tls`), or does something else run there?');
  return {};
}

function codeOf(cause: unknown): string {
  return typeof cause === 'object' && cause !== null && 'code' in cause ? String(cause.code) : '';
}
