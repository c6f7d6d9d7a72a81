import { consoleLogger, settle, systemClock, thrownText, type Logger, type Runtime } from '@rpcxjs/core';
import { checkRuntime } from './option-checks.ts';

type Level = 'debug' | 'info' | 'warn' | 'error';

/**
 * The clock and the logger of a client or server. A logger that throws, or whose promise rejects, as one does whose file was closed, fails nothing but itself: its line
 * goes to the console. Throws TypeError for a clock or a logger that cannot work.
 */
export function runtimeOf(given: { readonly [Part in keyof Runtime]?: Runtime[Part] | undefined }): Runtime {
  checkRuntime(given);
  const { clock = systemClock, logger } = given;
  const fallback = consoleLogger(clock);
  return { clock, logger: logger === undefined ? fallback : harmless(logger, fallback) };
}

function harmless(logger: Logger, fallback: Logger): Logger {
  const line = (level: Level) => (fields: object, message: string): void => {
    void settle(() => logger[level](fields, message), ignore, (error) => fallback[level]({ ...fields, logger: thrownText(error) }, message));
  };
  return { debug: line('debug'), info: line('info'), warn: line('warn'), error: line('error'), child: (fields) => harmless(logger.child(fields), fallback) };
}

function ignore(): void {}
