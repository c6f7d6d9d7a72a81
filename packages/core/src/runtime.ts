/** The only way in which the library reads time, waits, or gets random numbers, so that a test or a simulation can control all of it. */
export interface Clock {
  /** Monotonic milliseconds. Deadlines live on this axis. */
  now(): number;
  /** Milliseconds since 1970, for times that others read. */
  wallTime(): number;
  /** Uniform in [0, 1). */
  random(): number;
  /** Runs once, `delayMs` from now; beyond 2^31-1 ms the wait is chained. */
  setTimer(run: () => void, delayMs: number): Timer;
}
export interface Timer {
  cancel(): void;
}
/** Fits pino; what was thrown is the field `err`, which pino writes with its stack. The default writes warnings and errors only; at most 10 lines a second for one message. */
export interface Logger {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
  child(fields: object): Logger;
}
/** What a client or server lends to its plugins, transports and registries. */
export interface Runtime {
  readonly clock: Clock;
  readonly logger: Logger;
}
