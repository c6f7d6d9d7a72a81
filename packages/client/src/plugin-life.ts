import { currentAmbient, RpcError, thrownText, type CallOptions, type ClientPlugin, type Runtime } from '@rpcxjs/core';
import { asOwn, wrongOptions } from './call-errors.ts';
import { onGivenUp } from './call-handle.ts';
import type { ResolvedClientOptions } from './client-options.ts';

const stopMs = 1000;

/** What errors say was called. */
export interface CalledName {
  readonly service: string;
  readonly method: string;
}

/** Waits for the plugins to start, as long as the call may take that they hold up; resolves with its options and what is left of its time. */
export function startedWithin(ready: Promise<void>, call: CalledName, options: CallOptions | undefined, client: ResolvedClientOptions): Promise<CallOptions | undefined> {
  const { clock } = client.runtime;
  const began = clock.now();
  const timeoutMs = options?.timeoutMs ?? client.timeoutMs;
  // The error for wrong options is made where the call begins.
  if (wrongOptions(options, timeoutMs) !== undefined) return ready.then(() => options);
  const limitMs = Math.min(timeoutMs, (currentAmbient()?.deadline ?? Infinity) - began);
  const name = `${call.service}.${call.method}`;
  return new Promise((resolve, reject) => {
    const over = (): void => {
      timer?.cancel();
      release?.();
    };
    const give = (error: RpcError): void => {
      over();
      reject(error);
    };
    const late = (): void => give(new RpcError('deadline_exceeded', `${name} was not sent: the client's plugins did not start within ${Math.round(limitMs)} ms`, { reason: 'TIMEOUT', sent: false }));
    const aborted = (cause: unknown): void => give(new RpcError('canceled', `${name} was aborted while the client's plugins started`, { reason: 'ABORTED', sent: false, cause }));
    let release: (() => void) | undefined;
    const timer = limitMs < Infinity ? clock.setTimer(late, limitMs) : undefined;
    release = onGivenUp(options, aborted);
    ready.then(
      () => {
        over();
        const waitedMs = clock.now() - began;
        resolve(timeoutMs < Infinity && waitedMs > 0 ? { ...options, timeoutMs: timeoutMs - waitedMs } : options);
      },
      (error: unknown) => {
        over();
        reject(error);
      },
    );
  });
}

/** The error of what waited for a plugin that did not start. */
export function notStarted(plugin: ClientPlugin | undefined, error: unknown): RpcError {
  if (RpcError.is(error)) return asOwn(error);
  return new RpcError('internal', `the client's plugin "${plugin?.name}" did not start: ${thrownText(error)}`, { sent: false, cause: error });
}

/** One after the other; what one of them throws is logged, and one that takes longer than a second is left behind. */
export async function stopPlugins(plugins: readonly ClientPlugin[], { clock, logger }: Runtime): Promise<void> {
  for (const plugin of plugins) {
    let cut!: (late: true) => void;
    const late = new Promise<true>((resolve) => (cut = resolve));
    const timer = clock.setTimer(() => cut(true), stopMs);
    try {
      if ((await Promise.race([plugin.stop?.(), late])) === true) logger.warn({ plugin: plugin.name, afterMs: stopMs }, 'a plugin takes too long to stop, and is left behind');
    } catch (error) {
      logger.warn({ plugin: plugin.name, err: error }, 'a plugin failed to stop');
    } finally {
      timer.cancel();
    }
  }
}
