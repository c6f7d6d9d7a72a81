import type { X509Certificate } from 'node:crypto';
import { checkServerIdentity } from 'node:tls';
import type { QuicEnding } from './engine.ts';
import { leafOf } from './peer-certificate.ts';

/** Application codes: quic-go and this package end a connection with 0; 1 is an abort. */
export const endedCode = 0;
export const abortedCode = 1;
/** RFC 9000 §20.1. */
export const refusedCode = 0x02;
/** What stands for an application's code as long as the handshake hides it. */
export const applicationErrorCode = 0x0c;
/** RFC 9001 §4.8: a TLS alert; 42 is bad_certificate. */
const alertBase = 0x100;
export const badCertificateCode: number = alertBase + 42;

/** An error with the code that Node has for the same thing over TCP, so that the advice is the same. */
export class QuicError extends Error {
  override readonly name = 'QuicError';
  readonly code: string;

  constructor(code: string, message: string) {
    super(message);
    this.code = code;
  }
}

/** RFC 9000 §20.1. */
const transportCodes: readonly string[] = [
  'NO_ERROR', 'INTERNAL_ERROR', 'CONNECTION_REFUSED', 'FLOW_CONTROL_ERROR', 'STREAM_LIMIT_ERROR', 'STREAM_STATE_ERROR', 'FINAL_SIZE_ERROR', 'FRAME_ENCODING_ERROR',
  'TRANSPORT_PARAMETER_ERROR', 'CONNECTION_ID_LIMIT_ERROR', 'PROTOCOL_VIOLATION', 'INVALID_TOKEN', 'APPLICATION_ERROR', 'CRYPTO_BUFFER_EXCEEDED', 'KEY_UPDATE_ERROR', 'AEAD_LIMIT_REACHED', 'NO_VIABLE_PATH',
];

/** What the other side says about our certificate, or has against the handshake, by TLS alert. */
const saidByPeer: Readonly<Record<number, string>> = {
  40: 'ERR_SSL_SSLV3_ALERT_HANDSHAKE_FAILURE',
  42: 'ERR_SSL_SSLV3_ALERT_BAD_CERTIFICATE',
  43: 'ERR_SSL_SSLV3_ALERT_UNSUPPORTED_CERTIFICATE',
  44: 'ERR_SSL_SSLV3_ALERT_CERTIFICATE_REVOKED',
  45: 'ERR_SSL_SSLV3_ALERT_CERTIFICATE_EXPIRED',
  46: 'ERR_SSL_SSLV3_ALERT_CERTIFICATE_UNKNOWN',
  48: 'ERR_SSL_TLSV1_ALERT_UNKNOWN_CA',
  49: 'ERR_SSL_TLSV1_ALERT_ACCESS_DENIED',
  80: 'ERR_SSL_TLSV1_ALERT_INTERNAL_ERROR',
  112: 'ERR_SSL_TLSV1_UNRECOGNIZED_NAME',
  116: 'ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED',
};

export interface EndingContext {
  readonly alpn: string;
  /** The other side's certificates. */
  readonly chain: readonly Uint8Array[];
  /** The name that the certificate had to be for; undefined on a server. */
  readonly name: string | undefined;
  readonly idleTimeoutMs: number;
}

/** Why a connection or a handshake ended, in words and with a code that names it. */
export function endingError(ending: QuicEnding | undefined, context: EndingContext): Error {
  if (ending === undefined) return new Error('the engine gave up without a reason');
  if (ending.by === 'silence') return new QuicError('ERR_QUIC_IDLE_TIMEOUT', `nothing came from the other side for ${context.idleTimeoutMs} ms, or less if it wanted less`);
  if (ending.by === 'reset') return new QuicError('ERR_QUIC_STATELESS_RESET', 'the other side does not know this connection any more: it was started anew');
  const alert = ending.code - alertBase;
  if (!ending.application && alert >= 0 && alert < 256) return alertError(alert, ending, context);
  return plainError(ending);
}

function plainError(ending: QuicEnding): Error {
  const who = ending.by === 'peer' ? 'the other side' : 'this side';
  const words = ending.reason === '' ? '' : `: ${ending.reason}`;
  if (ending.application) {
    const how = ending.code === abortedCode ? 'aborted the connection' : ending.code === endedCode ? 'closed the connection in the middle of its stream' : 'closed the connection';
    return new QuicError('ERR_QUIC_APPLICATION_ERROR', `${who} ${how} (application code ${ending.code}${words})`);
  }
  const name = transportCodes[ending.code] ?? `0x${ending.code.toString(16)}`;
  if (ending.code === refusedCode) return new QuicError('ERR_QUIC_CONNECTION_REFUSED', `${who} takes no connections now (${name}${words})`);
  return new QuicError('ERR_QUIC_TRANSPORT_ERROR', `${who} gave up with ${name}${words}`);
}

function alertError(alert: number, { by, reason }: QuicEnding, context: EndingContext): Error {
  if (alert === 120) return new QuicError('ERR_QUIC_ALPN', noCommonProtocol(by, context.alpn));
  const code = by === 'peer' ? saidByPeer[alert] : undefined;
  if (code !== undefined) return new QuicError(code, `the other side sent TLS alert ${alert}`);
  if (by === 'here') {
    const verdict = certificateError(alert, leafOf(context.chain), context);
    if (verdict !== undefined) return verdict;
  }
  return new QuicError('ERR_QUIC_TLS', `the TLS handshake failed with alert ${alert}${by === 'peer' ? ' from the other side' : ''}${reason === '' ? '' : `: ${reason}`}`);
}

function noCommonProtocol(by: QuicEnding['by'], alpn: string): string {
  const who = by === 'peer' ? 'the server does not speak' : 'the client does not offer';
  return `${who} "${alpn}" (ALPN): is it an rpcx server or client, and do both have the same alpn option?`;
}

/** The verification that failed, from its alert and the certificate itself: alerts are too few to tell everything apart. */
function certificateError(alert: number, leaf: X509Certificate | undefined, { chain, name }: EndingContext): Error | undefined {
  if (alert === 45) {
    const early = leaf !== undefined && Date.parse(leaf.validFrom) > Date.now();
    return early
      ? new QuicError('CERT_NOT_YET_VALID', `the certificate is valid from ${leaf.validFrom}`)
      : new QuicError('CERT_HAS_EXPIRED', `the certificate was valid until ${leaf?.validTo ?? 'a day that is over'}`);
  }
  if (alert === 48) {
    const own = chain.length === 1 && leaf?.checkIssued(leaf) === true;
    return new QuicError(own ? 'DEPTH_ZERO_SELF_SIGNED_CERT' : 'UNABLE_TO_GET_ISSUER_CERT_LOCALLY', `the certificate was issued by ${leaf?.issuer.split('\n').join(', ') ?? 'somebody'}`);
  }
  if (alert === 44) return new QuicError('CERT_REVOKED', 'the certificate was revoked');
  if (alert === 43) return new QuicError('INVALID_PURPOSE', 'the certificate was not made for this purpose');
  if (alert === 116) return new QuicError('ERR_SSL_PEER_DID_NOT_RETURN_A_CERTIFICATE', 'the client sent no certificate');
  return alert === 42 && leaf !== undefined && name !== undefined ? identityError(name, leaf) : undefined;
}

/** Undefined when the certificate is for that name or address; by the rules that Node has for TLS. */
export function identityError(name: string, leaf: X509Certificate): Error | undefined {
  return checkServerIdentity(name, leaf.toLegacyObject());
}
