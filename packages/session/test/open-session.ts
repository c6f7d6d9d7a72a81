import type { Logger, RpcError } from '@rpcxjs/core';
import { defaultFrameLimits, type FrameLimits } from '@rpcxjs/protocol';
import { manualClock } from '@rpcxjs/testing';
import { cancelExtension, errorsExtension } from '../src/cancel.ts';
import type { Extension } from '../src/extension.ts';
import { RpcxSession } from '../src/rpcx-session.ts';
import type { Sequenced } from '../src/sequence-table.ts';
import { defaultHeartbeat, defaultSessionLimits, type SessionLimits } from '../src/session-limits.ts';
import { FakeConnection } from './fake-connection.ts';
import { readFrames, type ReadFrame } from './frame.ts';

const silent: Logger = { debug() {}, info() {}, warn() {}, error() {}, child: () => silent };

export interface Told {
  readonly requests: string[];
  readonly responses: bigint[];
  readonly agreed: string[][];
  readonly refused: { readonly sequence: bigint; readonly error: RpcError }[];
  readonly closed: (RpcError | undefined)[];
  drained: number;
  heartbeats: number;
  pending: number;
}

export interface SessionSetup {
  readonly limits?: Partial<SessionLimits>;
  readonly frames?: Partial<FrameLimits>;
  readonly extensions?: readonly Extension[];
  readonly firstSequence?: Sequenced;
  readonly onRequest?: (session: RpcxSession, service: string) => void;
}

/** A session over a connection that the test holds. */
export function openSession(role: 'client' | 'server', setup: SessionSetup = {}) {
  const clock = manualClock();
  const connection = new FakeConnection();
  const told: Told = { requests: [], responses: [], agreed: [], refused: [], closed: [], drained: 0, heartbeats: 0, pending: 0 };
  const session: RpcxSession = new RpcxSession({
    role,
    connection,
    runtime: { clock, logger: silent },
    settings: {
      limits: { ...defaultSessionLimits, ...setup.limits, frames: { ...defaultFrameLimits, ...setup.frames } },
      heartbeat: defaultHeartbeat,
    },
    extensions: setup.extensions ?? [cancelExtension(), errorsExtension],
    firstSequence: setup.firstSequence,
    handler: {
      request(frame) {
        const service = Buffer.from(frame.bytes.subarray(frame.serviceStart, frame.serviceEnd)).toString();
        told.requests.push(service);
        setup.onRequest?.(session, service);
      },
      response: (frame) => told.responses.push((BigInt(frame.sequenceHigh) << 32n) | BigInt(frame.sequenceLow)),
      drained: () => (told.drained += 1),
      agreed: (words) => told.agreed.push([...words]),
      heartbeat: () => (told.heartbeats += 1),
      refused: (high, low, error) => told.refused.push({ sequence: (BigInt(high) << 32n) | BigInt(low), error }),
      sessionClosed: (reason) => told.closed.push(reason),
      pendingCalls: () => told.pending,
    },
  });
  session.start();
  /** The frames that left since the last look. */
  const sent = (): ReadFrame[] => readFrames(Buffer.concat(connection.written.splice(0))).frames;
  return { clock, connection, session, told, sent };
}
