import { splitHostPort } from '@rpcxjs/core';
import type { Address, Transport } from '@rpcxjs/core';
import { Contexts } from './contexts.ts';
import { dialQuic } from './dial.ts';
import type { QuicEngine } from './engine.ts';
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
  let dialling: Contexts | undefined;
  return {
    networks: [quicNetwork],
    async dial(address, dialOptions) {
      checkAddress(address);
      dialling ??= new Contexts('client', await engineFor(), resolved);
      return dialQuic({ address, current: dialling.current(dialOptions.runtime.logger), options: resolved }, dialOptions);
    },
    async listen(address, listenOptions) {
      checkAddress(address);
      const { logger } = listenOptions.runtime;
      if (resolved.tls.current(logger).given.cert === undefined) throw new TypeError('quic: a server needs tls.cert and tls.key, for QUIC is always encrypted');
      const engine = await engineFor();
      return listenQuic({ address, engine, contexts: new Contexts('server', engine, resolved), options: resolved }, listenOptions);
    },
  };
}

function checkAddress({ host }: Address): void {
  splitHostPort(host);
}
