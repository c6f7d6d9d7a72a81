import type { ClientOptions } from './client-options.ts';
import { failfast } from './fail-modes/failfast.ts';
import { failover } from './fail-modes/failover.ts';

/** Options of a client that behaves as another one does; spread them into `createClient` before your own. */
export type Preset = Pick<ClientOptions, 'timeoutMs' | 'failMode' | 'queue' | 'flush' | 'pool' | 'reconnect' | 'outstanding' | 'requireDeadline' | 'limits' | 'heartbeat'>;

const mebi = 1024 * 1024;

/** rpcx's own DefaultOption (client/client.go): no deadline, three retries at once, one second to connect. */
const rpcx: Preset = {
  timeoutMs: Infinity,
  // RetryInterval is 0. What may have run is still not run twice: that takes failover({ retryUnsafe: true }).
  failMode: failover({ retries: 3, backoffMs: 0 }),
  pool: { connections: 1, connectTimeoutMs: 1000 },
  queue: { max: 32_768, overflow: 'reject' },
  flush: { delayMs: -1 },
  // MaxWaitForHeartbeat
  heartbeat: { answerMs: 30_000 },
};

/** valyala/gorpc's Client (client.go, common.go): its queue keeps the newest calls, also while the server is down, and nothing is tried again. */
const gorpc: Preset = {
  timeoutMs: 20_000,
  failMode: failfast(),
  pool: { connections: 1, connectTimeoutMs: 10_000 },
  queue: { max: 32 * 1024, overflow: 'drop-oldest', whileDown: 'keep' },
  flush: { delayMs: -1, maxBytes: 64 * 1024 },
  // After a failed dial a second, after a lost connection none.
  reconnect: { initialMs: 1000, factor: 1, maxMs: 1000, jitter: 0, spreadMs: 0 },
  outstanding: { max: 10 * 32 * 1024 },
};

/** Go's net/rpc (rpc/client.go): no deadline, no retry; a message leaves when it is written. The queue and outstanding calls keep their limits. */
const netrpc: Preset = {
  timeoutMs: Infinity,
  failMode: failfast(),
  pool: { connections: 1 },
  flush: { delayMs: -1 },
};

/** matrixorigin's morpc (pkg/common/morpc): deadlines are a duty, senders wait for room, eight messages leave together. */
const morpc: Preset = {
  requireDeadline: true,
  // Without end there; the deadline ends it here too.
  failMode: failover({ retries: 100, backoffMs: 10, maxBackoffMs: 1000 }),
  pool: { connections: 1, max: 1, grow: 'busy', busyAt: 768, idleMs: 60_000, maxDials: 4, connectTimeoutMs: 5000 },
  queue: { max: 1024, overflow: 'wait' },
  flush: { delayMs: -1, maxMessages: 8 },
  reconnect: { initialMs: 10, factor: 2, maxMs: 1000, jitter: 0.2 },
  limits: { maxFrameBytes: 110 * mebi },
};

/**
 * The defaults of four Go clients, as far as they are settings: `createClient({ ...presets.gorpc, servers })`. What protects the process stays on
 * in all of them: the limits of frames and queues, the end of a server that answers nothing, health, and the budget of retries.
 */
export const presets: { readonly rpcx: Preset; readonly gorpc: Preset; readonly netrpc: Preset; readonly morpc: Preset } = { rpcx, gorpc, netrpc, morpc };
