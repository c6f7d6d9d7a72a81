import { refuse } from '@rpcxjs/core/options';
import { checkTimes, type CloseOptions } from './drain.ts';
import type { Server } from './server.ts';

export interface CloseOnSignalsOptions extends CloseOptions {
  /** @default ['SIGTERM', 'SIGINT'] */
  readonly signals?: readonly string[] | undefined;
}

/** The part of Node's `process` that is needed. */
interface SignalSource {
  on(signal: string, run: () => void): unknown;
  off(signal: string, run: () => void): unknown;
}

/**
 * Closes the server at the first signal and aborts it at the second; returns what undoes that. It never ends the process: that ends by itself
 * when nothing else keeps it alive. Throws TypeError where there are no signals, as in a browser.
 */
export function closeOnSignals(server: Pick<Server, 'close' | 'abort'>, options: CloseOnSignalsOptions = {}): () => void {
  if (typeof (server as Partial<Server> | null | undefined)?.close !== 'function') refuse('the server of closeOnSignals', server, 'what createServer returned');
  const { signals = ['SIGTERM', 'SIGINT'], ...closing } = options;
  checkTimes('closeOnSignals', closing);
  if (!Array.isArray(signals) || !signals.every((signal) => /^SIG[A-Z0-9]+$/.test(String(signal)))) throw new TypeError("closeOnSignals: signals takes a list of names, for example ['SIGTERM']");
  const source = (globalThis as { readonly process?: Partial<SignalSource> }).process as SignalSource | undefined; // Node, Deno and Bun have one
  if (typeof source?.on !== 'function' || typeof source.off !== 'function') throw new TypeError('closeOnSignals: this platform has no signals; call server.close() yourself');
  let heard = false;
  const stop = (): void => {
    for (const signal of signals) source.off(signal, onSignal);
  };
  const onSignal = (): void => {
    if (heard) {
      server.abort(new Error('a second signal came while the server was closing'));
      return;
    }
    heard = true;
    void server.close(closing).finally(stop);
  };
  for (const signal of signals) source.on(signal, onSignal);
  return stop;
}
