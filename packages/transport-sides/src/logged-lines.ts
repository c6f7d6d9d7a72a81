import type { Logger } from '@rpcxjs/core';

/** One line that was logged. */
export interface Line {
  readonly level: string;
  readonly fields: Record<string, unknown>;
  readonly message: string;
}

/** A logger that adds to a list. */
export function memoryLogger(lines: Line[]): Logger {
  const at = (level: string) => (fields: object, message: string): void => void lines.push({ level, fields: fields as Record<string, unknown>, message });
  const logger: Logger = { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error'), child: () => logger };
  return logger;
}
