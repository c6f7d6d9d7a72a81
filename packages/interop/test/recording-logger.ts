import type { Logger } from '@rpcxjs/core';

/** A logger that keeps its lines instead of writing them. */
export interface RecordingLogger extends Logger {
  readonly lines: readonly string[];
}

export function recordingLogger(lines: string[] = []): RecordingLogger {
  const keep = (level: string) => (_: object, message: string): void => { lines.push(`${level}: ${message}`); };
  return { lines, debug: () => undefined, info: () => undefined, warn: keep('warn'), error: keep('error'), child: () => recordingLogger(lines) };
}
