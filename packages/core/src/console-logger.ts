import { RpcError } from './errors.ts';
import type { Clock, Logger } from './runtime.ts';
import { systemClock } from './system-clock.ts';

const linesPerSecond = 10;

interface Window {
  startedAt: number;
  lines: number;
}

/** Writes warnings and errors to the console, each on one line; a message that repeats is cut to 10 lines a second, then counted. */
export function consoleLogger(clock: Clock = systemClock): Logger {
  return withFields({}, new Map(), clock);
}

const silent = (): void => {};
/** Says nothing, to nobody. */
export const silentLogger: Logger = { debug: silent, info: silent, warn: silent, error: silent, child: () => silentLogger };

function withFields(bound: object, windows: Map<string, Window>, clock: Clock): Logger {
  const write = (level: 'warn' | 'error') => (fields: object, message: string) => {
    const now = clock.now();
    let window = windows.get(message);
    if (window === undefined || now - window.startedAt >= 1000) {
      const dropped = window === undefined ? 0 : window.lines - linesPerSecond;
      if (windows.size > 1000) windows.clear();
      windows.set(message, (window = { startedAt: now, lines: 0 }));
      if (dropped > 0) console[level](oneLine(message, { dropped }, {}));
    }
    if (window.lines++ < linesPerSecond) console[level](oneLine(message, bound, fields));
  };
  return {
    debug: silent,
    info: silent,
    warn: write('warn'),
    error: write('error'),
    child: (fields) => withFields({ ...bound, ...fields }, windows, clock),
  };
}

// What a peer sent may stand in any field: it must not be able to begin a line of its own or to move the terminal's cursor.
function oneLine(message: string, bound: object, fields: object): string {
  let shown: string;
  try {
    shown = JSON.stringify({ ...bound, ...fields }, readable);
  } catch {
    shown = '{a value that cannot be shown}';
  }
  return `[rpcxjs] ${message} ${shown}`.replace(/[\p{Cc}\u2028\u2029]/gu, ' ');
}

function readable(_key: string, value: unknown): unknown {
  if (typeof value === 'bigint') return String(value);
  if (RpcError.is(value)) return `${value.message} (${value.reason ?? value.code})`;
  return value instanceof Error ? (value.stack ?? value.message) : value;
}
