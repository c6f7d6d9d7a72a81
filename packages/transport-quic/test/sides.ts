import { readFileSync } from 'node:fs';
import { silentLogger, systemClock } from '@rpcxjs/core';
import type { Connection, ConnectionSink, Listener, Logger, Runtime, Transport } from '@rpcxjs/core';
import { describe } from 'vitest';
import { quic } from '../src/index.ts';
import type { QuicOptions, QuicTlsOptions } from '../src/index.ts';
import { loadDefaultEngine } from '../src/load-engine.ts';

const missing = await loadDefaultEngine().then(() => undefined, (error: Error) => error.message);
if (missing !== undefined && process.env['CI'] !== undefined) throw new Error(`the QUIC engine must be there when CI is set: ${missing}`);

/** A group of tests that needs the engine: skipped with the reason in its name on a machine where it does not load. */
export function describeWithEngine(name: string, tests: () => void): void {
  if (missing === undefined) describe(name, tests);
  else describe.skip(`${name} (skipped: ${missing})`, tests);
}

/** Of the certificates that the tests of TCP have: `ca` signed `server`, `client`, `elsewhere` and `expired`, and nobody `self`. */
export function pem(name: string): string {
  return readFileSync(new URL(`../../transport-tcp/test/fixtures/${name}`, import.meta.url), 'utf8');
}
export function pair(name: string): Pick<QuicTlsOptions, 'cert' | 'key'> {
  return { cert: pem(`${name}.crt`), key: pem(`${name}.key`) };
}
export const tls: QuicTlsOptions = { ca: pem('ca.crt'), ...pair('server') };

export const quietRuntime: Runtime = Object.freeze({ clock: systemClock, logger: silentLogger });

export function runtimeWith(lines: string[]): Runtime {
  const say = (level: string) => (_fields: object, message: string): void => void lines.push(`${level}: ${message}`);
  const logger: Logger = { debug: say('debug'), info: say('info'), warn: say('warn'), error: say('error'), child: () => logger };
  return { clock: systemClock, logger };
}

/** What one side heard. */
export class Ear implements ConnectionSink {
  readonly connection: Connection;
  bytes = 0;
  drains = 0;
  ends = 0;
  reason: Error | undefined;
  text = '';
  onData: ((chunk: Uint8Array) => void) | undefined;

  constructor(connection: Connection) {
    this.connection = connection;
    connection.start(this);
  }
  data(chunk: Uint8Array): void {
    this.bytes += chunk.length;
    if (this.text.length < 1000) this.text += Buffer.from(chunk).toString('latin1');
    this.onData?.(chunk);
  }
  drain(): void {
    this.drains++;
  }
  closed(reason: Error | undefined): void {
    this.ends++;
    this.reason = reason;
  }
}

export interface Place extends AsyncDisposable {
  readonly listener: Listener;
  readonly transport: Transport;
  readonly accepted: Ear[];
}

/** A listener whose connections are kept, and echo if asked. */
export async function listening(options: QuicOptions = {}, { echo = false, runtime = quietRuntime, at = '127.0.0.1:0' } = {}): Promise<Place> {
  const transport = quic({ tls, ...options });
  const accepted: Ear[] = [];
  const listener = await transport.listen({ network: 'quic', host: at }, {
    runtime,
    accept(connection) {
      const ear = new Ear(connection);
      accepted.push(ear);
      if (echo) ear.onData = (chunk) => void connection.write(Uint8Array.from(chunk));
    },
  });
  return {
    listener, transport, accepted,
    async [Symbol.asyncDispose]() {
      for (const { connection } of accepted) connection.abort();
      await listener.close();
    },
  };
}

/** Polls, one turn of the loop at a time. */
export async function until(holds: () => boolean, what: string, limitMs = 10_000): Promise<void> {
  const deadline = performance.now() + limitMs;
  while (!holds()) {
    if (performance.now() > deadline) throw new Error(`not within ${limitMs} ms: ${what}`);
    await new Promise((resolve) => { setImmediate(resolve); });
  }
}

export async function rejection(work: Promise<unknown>): Promise<Error & { reason?: string; code?: string }> {
  return work.then(() => { throw new Error('it did not reject'); }, (error: Error) => error);
}
