import { connect, isIP } from 'node:net';
import { connect as connectTls, type ConnectionOptions } from 'node:tls';
import { onAbort, type Clock } from '@rpcxjs/core';
import type { EtcdTlsOptions, ResolvedEtcdOptions } from './etcd-options.ts';

// How long to wait for endpoints that are silent when another one has answered.
const othersMs = 500;

/** The endpoints to check, and for how long. */
export interface EndpointCheck {
  readonly options: ResolvedEtcdOptions;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

/**
 * The endpoints that speak HTTP/2, as etcd does; rejects with what the first one said when none does. Asked before gRPC is: what it has begun to connect to and what never
 * says a word, it keeps open for ever.
 */
export async function answeringEndpoints({ options, clock, signal }: EndpointCheck): Promise<readonly string[]> {
  const over = new AbortController();
  const unlink = onAbort(signal, (reason) => over.abort(reason));
  const asked = options.endpoints.map((endpoint) => speaksHttp2(endpoint, options, over.signal).then(() => endpoint));
  const all = Promise.allSettled(asked);
  try {
    // The first answer, or that there is none.
    const timer = await Promise.any(asked).then(() => clock.setTimer(() => over.abort(new Error('others answered')), othersMs), () => undefined);
    const answers = await all;
    timer?.cancel();
    const answering = answers.flatMap((answer) => (answer.status === 'fulfilled' ? answer.value : []));
    if (answering.length > 0) return answering;
    return await (asked[0] as Promise<never>); // there is one endpoint at least, and none answered
  } finally {
    unlink();
  }
}

// Its preface, and SETTINGS that change nothing (RFC 9113, 3.4).
const hello = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0', 'latin1');
const settingsType = 4;

/** By hand: node:http2 says nothing at all when a server refuses our certificate behind the handshake, as TLS 1.3 does. */
function speaksHttp2(endpoint: string, { tls }: ResolvedEtcdOptions, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const { protocol, hostname, port } = new URL(endpoint);
    const secure = protocol === 'https:';
    const host = hostname.replace(/^\[|\]$/g, '');
    const place = { host, port: Number(port || (secure ? 443 : 80)) };
    const socket = secure ? connectTls({ ...place, ...secureOptions(tls, host), ALPNProtocols: ['h2'] }) : connect(place);
    const end = (settle: () => void): void => {
      unlink();
      settle();
      socket.destroy();
    };
    const unlink = onAbort(signal, (reason) => end(() => reject(reason)));
    let said = Buffer.alloc(0);
    socket.once(secure ? 'secureConnect' : 'connect', () => socket.write(hello));
    socket.on('data', (chunk: Buffer) => {
      said = Buffer.concat([said, chunk]);
      if (said.length > 3) end(said[3] === settingsType ? resolve : () => reject(new Error(`Protocol error: no HTTP/2, it said ${JSON.stringify(said.toString('latin1', 0, 40))}`)));
    });
    socket.on('error', (error: Error) => end(() => reject(error)));
    socket.once('close', () => end(() => reject(new Error('socket hang up'))));
  });
}

function secureOptions(tls: EtcdTlsOptions | undefined, host: string): ConnectionOptions {
  const pem = (text: string | Uint8Array): string | Buffer => (typeof text === 'string' ? text : Buffer.from(text));
  const servername = tls?.servername ?? (isIP(host) === 0 ? host : undefined);
  return {
    ...(tls?.ca === undefined ? {} : { ca: pem(tls.ca) }), ...(tls?.cert === undefined || tls.key === undefined ? {} : { cert: pem(tls.cert), key: pem(tls.key) }),
    ...(servername === undefined ? {} : { servername }),
  };
}
