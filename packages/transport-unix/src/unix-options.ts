import { checkNames, described } from '@rpcxjs/core/options';

/** Options of `unix()`. */
export interface UnixOptions {
  /** Permissions of the socket file, for example `0o660`; whoever may write to it may connect. @default as the process's umask has it */
  readonly mode?: number | undefined;
  /** How long the other side may take to end after `close()`, in milliseconds; then the connection is destroyed. @default 5000 */
  readonly closeTimeoutMs?: number | undefined;
}

export interface ResolvedUnixOptions {
  readonly mode: number | undefined;
  readonly closeTimeoutMs: number;
}

export const unixDefaults: Omit<ResolvedUnixOptions, 'mode'> = { closeTimeoutMs: 5000 };

/** Throws TypeError for invalid permissions and durations. */
export function resolveUnixOptions(options: UnixOptions): ResolvedUnixOptions {
  checkNames('unix', options, ['mode', 'closeTimeoutMs']);
  const { mode, closeTimeoutMs = unixDefaults.closeTimeoutMs } = options;
  if (mode !== undefined && (!Number.isInteger(mode) || mode < 0 || mode > 0o777)) throw new TypeError(`unix: mode is ${mode}; give permissions such as 0o660`);
  if (!Number.isFinite(closeTimeoutMs) || closeTimeoutMs < 0) throw new TypeError(`unix: closeTimeoutMs is ${described(closeTimeoutMs)}; give milliseconds, at least 0`);
  return Object.freeze({ mode, closeTimeoutMs });
}
