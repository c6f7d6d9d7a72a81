import { RpcError, type Reason } from '@rpcxjs/core';
import { manualClock, type ManualClock } from '@rpcxjs/testing';
import { resolveHealthOptions, type HealthOptions, type ResolvedHealthOptions } from '../src/nodes/health-options.ts';
import type { NodeGroup } from '../src/nodes/node-group.ts';
import { NodeTable, type Check, type NodeAttempt } from '../src/nodes/node-table.ts';

/** A table with one list, and attempts that end as the test says. */
export interface NodeBench {
  readonly clock: ManualClock;
  readonly table: NodeTable;
  readonly group: NodeGroup;
  /** An attempt that begins now. */
  begin(address: string, oneway?: boolean): NodeAttempt;
  end(attempt: NodeAttempt, error?: unknown): void;
  /** One that begins and ends now. */
  call(address: string, error?: unknown): void;
  calls(count: number, address: string, error?: unknown): void;
  state(address: string): string;
}

/** Makes a table of the addresses a, b, c and so on. */
export function nodeBench(size: number, options: HealthOptions = {}, check?: Check, seed = 1): NodeBench {
  const clock = manualClock({ seed });
  const table = new NodeTable(resolveHealthOptions(options) as ResolvedHealthOptions, clock, check); // not false
  const group = table.group('abcdefghijklmnopqrstuvwxyz'.slice(0, size).split(''));
  const begin = (address: string, oneway = false): NodeAttempt => {
    const attempt: NodeAttempt = { node: undefined, admission: 0, attemptAt: Number.NaN, oneway };
    table.began(attempt, table.nodeOf(address), clock.now());
    return attempt;
  };
  const end = (attempt: NodeAttempt, error?: unknown): void => table.ended(attempt, error, clock.now());
  const call = (address: string, error?: unknown): void => end(begin(address), error);
  return {
    clock,
    table,
    group,
    begin,
    end,
    call,
    calls: (count, address, error) => {
      for (let made = 0; made < count; made++) call(address, error);
    },
    state: (address) => table.snapshot().find((info) => info.address === address)?.state ?? 'unknown',
  };
}

const failure = (code: string, reason: string | undefined, remote: boolean) => new RpcError(code, `said ${reason ?? code}`, { reason: reason as Reason | undefined, remote });

export const errors = {
  timeout: failure('deadline_exceeded', 'TIMEOUT', false),
  refused: failure('unavailable', 'CONNECT_FAILED', false),
  lost: failure('unavailable', 'CONNECTION_LOST', false),
  silent: failure('unavailable', 'PEER_SILENT', false),
  badFrame: failure('unavailable', 'BAD_FRAME', false),
  canceled: failure('canceled', 'ABORTED', false),
  threw: failure('unknown', 'HANDLER_THREW', true),
  overloaded: failure('unavailable', 'OVERLOADED', true),
  congested: failure('resource_exhausted', 'OVERLOADED', false),
  closing: failure('unavailable', 'CLOSED', true),
  declared: failure('OutOfStock', undefined, true),
};
