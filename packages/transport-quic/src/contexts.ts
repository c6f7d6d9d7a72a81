import type { Logger } from '@rpcxjs/core';
import type { QuicContext, QuicEngine, QuicEngineSettings } from './engine.ts';
import type { ResolvedQuicOptions, ResolvedQuicTls } from './quic-options.ts';

/** What connections that begin now are made from. */
export interface CurrentContext {
  readonly context: QuicContext;
  readonly tls: ResolvedQuicTls;
}

/** What one side makes its connections from. Certificates are parsed once, and again when the function `tls` gives others. */
export class Contexts {
  readonly #side: 'client' | 'server';
  readonly #engine: QuicEngine;
  readonly #options: ResolvedQuicOptions;
  #seen: ResolvedQuicTls | undefined;
  #current: CurrentContext | undefined;
  /** Whether a listener asks for certificates stays what it was. */
  #asks: boolean | undefined;

  constructor(side: 'client' | 'server', engine: QuicEngine, options: ResolvedQuicOptions) {
    this.#side = side;
    this.#engine = engine;
    this.#options = options;
  }

  /** Throws TypeError at first for what the engine cannot use; later that is logged, and the one before stays. */
  current(logger: Logger): CurrentContext {
    const tls = this.#options.tls.current(logger);
    if (this.#current !== undefined && tls === this.#seen) return this.#current;
    const settings = this.#options.settings(this.#side, tls);
    const verify = this.#side === 'client' ? settings.verify : (this.#asks ??= settings.verify);
    try {
      this.#current = { context: configure(this.#engine, { ...settings, verify }), tls };
    } catch (error) {
      if (this.#current === undefined) throw error;
      logger.error({ err: error }, `what the function tls gives cannot be used, so what it gave before stays in use: ${(error as Error).message}`); // a TypeError of below
    }
    this.#seen = tls;
    return this.#current;
  }
}

/** An engine may know fewer kinds of certificates than Node, which has looked at them before. */
function configure(engine: QuicEngine, settings: QuicEngineSettings): QuicContext {
  try {
    return engine.configure(settings);
  } catch (cause) {
    throw new TypeError(`quic: ${engine.name} cannot use tls.cert, tls.key or tls.ca: ${cause instanceof Error ? cause.message : String(cause)}; give certificates of ECDSA (P-256) or RSA`, { cause });
  }
}
