import { connect } from 'node:http2';
import { onAbort, type Clock } from '@rpcxjs/core';
import type { ResolvedEtcdOptions } from './etcd-options.ts';

// For those that say nothing while another has answered.
const othersMs = 500;

/** What `answeringEndpoints` looks at, and for how long. */
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

function speaksHttp2(endpoint: string, { tls }: ResolvedEtcdOptions, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const pem = (text: string | Uint8Array): string | Buffer => (typeof text === 'string' ? text : Buffer.from(text));
    const session = connect(endpoint, {
      ...(tls?.ca === undefined ? {} : { ca: pem(tls.ca) }), ...(tls?.cert === undefined || tls.key === undefined ? {} : { cert: pem(tls.cert), key: pem(tls.key) }),
      ...(tls?.servername === undefined ? {} : { servername: tls.servername }),
    });
    const unlink = onAbort(signal, (reason) => end(() => reject(reason)));
    const end = (settle: () => void): void => {
      unlink();
      settle();
      session.destroy();
    };
    session.once('remoteSettings', () => end(resolve));
    session.on('error', (error: Error) => end(() => reject(error)));
    session.once('close', () => end(() => reject(new Error('socket hang up'))));
  });
}
