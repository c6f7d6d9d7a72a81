import { splitHostPort } from '@rpcxjs/core';
import type { Address, Transport } from '@rpcxjs/core';
import { dialQuic } from './dial.ts';
import type { QuicContext, QuicEngine, QuicEngineSettings } from './engine.ts';
import { listenQuic } from './listen.ts';
import { loadDefaultEngine } from './load-engine.ts';
import { quicNetwork } from './quic-address.ts';
import { resolveQuicOptions } from './quic-options.ts';
import type { QuicOptions } from './quic-options.ts';

/**
 * The transport of `quic@host:port`: one QUIC connection with one stream in both directions, which the client opens, as rpcx does it.
 * Port 0 listens on a free UDP port, an empty host on every interface. The stream is there once the client has sent its first byte: what a server
 * writes before waits for it. Throws TypeError for invalid options; `dial` and `listen` reject with UNSUPPORTED where no engine can be loaded.
 */
export function quic(options: QuicOptions = {}): Transport {
  const resolved = resolveQuicOptions(options);
  const engineFor = (): Promise<QuicEngine> => (resolved.engine === undefined ? loadDefaultEngine() : Promise.resolve(resolved.engine));
  const contexts = new Map<'client' | 'server', Promise<QuicContext>>();
  // Certificates are parsed once for each side that is used.
  const contextFor = (side: 'client' | 'server'): Promise<QuicContext> => {
    const made = contexts.get(side) ?? engineFor().then((engine) => configure(engine, resolved.settings(side)));
    contexts.set(side, made);
    made.catch(() => contexts.delete(side));
    return made;
  };
  return {
    networks: [quicNetwork],
    async dial(address, dialOptions) {
      checkAddress(address);
      const context = await contextFor('client');
      return dialQuic({ address, context, options: resolved }, dialOptions);
    },
    async listen(address, listenOptions) {
      checkAddress(address);
      if (resolved.tls.cert === undefined) throw new TypeError('quic: a server needs tls.cert and tls.key, for QUIC is always encrypted');
      const [engine, context] = await Promise.all([engineFor(), contextFor('server')]);
      return listenQuic({ address, engine, context, options: resolved }, listenOptions);
    },
  };
}

/** An engine may know fewer kinds of certificates than Node, which has looked at them before. */
function configure(engine: QuicEngine, settings: QuicEngineSettings): QuicContext {
  try {
    return engine.configure(settings);
  } catch (cause) {
    throw new TypeError(`quic: ${engine.name} cannot use tls.cert, tls.key or tls.ca: ${cause instanceof Error ? cause.message : String(cause)}; give certificates of ECDSA (P-256) or RSA`, { cause });
  }
}

function checkAddress({ host }: Address): void {
  splitHostPort(host);
}
