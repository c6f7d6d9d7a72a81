import { RpcError, type RpcErrorInit } from '@rpcxjs/core';
import { expect, it } from 'vitest';
import { errorCategory, errorKind, isCanceled, isRemote, isTransient, isUnavailable, wasSent, type ErrorCategory, type ErrorKind } from './error-kind.ts';

type Row = readonly [code: RpcError['code'], init: RpcErrorInit, kind: ErrorKind, category: ErrorCategory];
const rows: readonly Row[] = [
  ['deadline_exceeded', { reason: 'TIMEOUT' }, 'timeout', 'transient'],
  ['deadline_exceeded', { reason: 'TIMEOUT', remote: true }, 'timeout', 'transient'],
  ['unavailable', { reason: 'CONNECT_FAILED', sent: false }, 'connection', 'unavailable'],
  ['unavailable', { reason: 'NO_INSTANCE', sent: false }, 'connection', 'unavailable'],
  ['unavailable', { reason: 'CONNECTION_LOST' }, 'connection', 'transient'],
  ['unavailable', { reason: 'PEER_SILENT' }, 'connection', 'transient'],
  ['unavailable', { reason: 'STUCK' }, 'connection', 'unavailable'],
  ['data_loss', { reason: 'BAD_FRAME' }, 'connection', 'permanent'],
  ['resource_exhausted', { reason: 'OVERLOADED', sent: false }, 'overflow', 'transient'],
  ['resource_exhausted', { reason: 'OVERLOADED', remote: true }, 'overflow', 'transient'],
  ['canceled', { reason: 'ABORTED' }, 'canceled', 'canceled'],
  ['canceled', { reason: 'CLOSED' }, 'local', 'canceled'],
  ['failed_precondition', { reason: 'CLOSED', sent: false }, 'local', 'canceled'],
  ['unavailable', { reason: 'CLOSED', remote: true }, 'server', 'unavailable'],
  ['unknown', { remote: true }, 'server', 'permanent'],
  ['not_found', { remote: true }, 'server', 'permanent'],
  ['aborted', { remote: true }, 'server', 'transient'],
  ['unimplemented', { reason: 'UNKNOWN_SERVICE', remote: true }, 'server', 'permanent'],
  ['data_loss', { reason: 'BAD_PAYLOAD' }, 'local', 'permanent'],
  ['resource_exhausted', { reason: 'TOO_LARGE', sent: false }, 'local', 'permanent'],
  ['failed_precondition', { reason: 'FILTERED', sent: false }, 'local', 'permanent'],
  ['invalid_argument', { reason: 'NO_DEADLINE', sent: false }, 'local', 'permanent'],
];

it.each(rows)('M33: an error with code %s and %j is of the kind %s, and %s', (code, init, kind, category) => {
  const error = new RpcError(code, 'it failed', init);
  expect(errorKind(error)).toBe(kind);
  expect(errorCategory(error)).toBe(category);
  expect([isTransient, isUnavailable, isCanceled].map((is) => is(error))).toEqual([category === 'transient', category === 'unavailable', category === 'canceled']);
  expect(isRemote(error)).toBe(init.remote === true);
  expect(wasSent(error)).toBe(init.sent !== false);
});

it.each([undefined, null, 'text', new TypeError('a slip'), new DOMException('stop', 'AbortError')])('of a value that is no RpcError nothing is known: %s', (value) => {
  expect([errorKind(value), errorCategory(value), isTransient(value), isUnavailable(value), isCanceled(value), isRemote(value)]).toEqual(['local', 'permanent', false, false, false, false]);
  expect(wasSent(value)).toBe(true);
});
