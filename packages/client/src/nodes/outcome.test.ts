import { RpcError, type Code, type Reason } from '@rpcxjs/core';
import { describe, expect, it } from 'vitest';
import { outcomeOf, type Outcome } from './outcome.ts';

const local = (code: string, reason?: string) => new RpcError(code, 'text', { reason: reason as Reason | undefined });
const remote = (code: string, reason?: string) => new RpcError(code, 'text', { reason: reason as Reason | undefined, remote: true });

describe('outcomeOf', () => {
  it.each<[string, unknown, Outcome]>([
    ['nothing', undefined, 'answered'],
    ['a refused connection', local('unavailable', 'CONNECT_FAILED'), 'unreachable'],
    ['a lost connection', local('unavailable', 'CONNECTION_LOST'), 'unreachable'],
    ['a connection that ended for a frame that was too large', local('unavailable', 'FRAME_TOO_LARGE'), 'unreachable'],
    ['a silent peer', local('unavailable', 'PEER_SILENT'), 'silent'],
    ['a server that took calls and answered none', local('unavailable', 'STUCK'), 'silent'],
    ['a server that left the list while the call waited', local('unavailable', 'NO_INSTANCE'), 'neutral'],
    ['a call that a filter held back', local('failed_precondition', 'FILTERED'), 'neutral'],
    ['a frame that is none', local('data_loss', 'BAD_FRAME'), 'broken'],
    ['a connection that ended for a frame that is none', local('unavailable', 'BAD_FRAME'), 'broken'],
    ['a connection that the server closed with a goodbye', local('unavailable', 'CLOSED'), 'draining'],
    ['no server', local('unavailable', 'NO_INSTANCE'), 'neutral'],
    ['no memory here', local('unavailable', 'OVERLOADED'), 'neutral'],
    ['unavailable for another reason', local('unavailable'), 'failure'],
    ['a deadline here', local('deadline_exceeded', 'TIMEOUT'), 'failure'],
    ['lost data', local('data_loss'), 'failure'],
    ['a reply that cannot be read', local('data_loss', 'BAD_PAYLOAD'), 'relative'],
    ['a caller that gave up', local('canceled', 'ABORTED'), 'neutral'],
    ['the loser of two attempts', local('canceled', 'HEDGED'), 'neutral'],
    ['a full queue here', local('resource_exhausted', 'OVERLOADED'), 'neutral'],
    ['an input that cannot be written', local('invalid_argument', 'BAD_PAYLOAD'), 'neutral'],
    ['a closed client', local('failed_precondition', 'CLOSED'), 'neutral'],
    ['a codec that threw', local('internal'), 'neutral'],
    ['an overloaded server', remote('unavailable', 'OVERLOADED'), 'refused'],
    ['a rate limit', remote('resource_exhausted', 'OVERLOADED'), 'refused'],
    ['a limit of the application', remote('resource_exhausted'), 'refused'],
    ['a closing server', remote('unavailable', 'CLOSED'), 'draining'],
    ['a draining server', remote('unavailable', 'DRAINING'), 'draining'],
    ['a server that says it cannot', remote('unavailable'), 'failure'],
    ['a handler that threw', remote('unknown', 'HANDLER_THREW'), 'relative'],
    ['a panic', remote('internal', 'HANDLER_THREW'), 'relative'],
    ['a deadline there', remote('deadline_exceeded', 'TIMEOUT'), 'relative'],
    ['lost data there', remote('data_loss'), 'relative'],
    ['an unknown method', remote('unimplemented', 'UNKNOWN_METHOD'), 'answered'],
    ['a refused token', remote('unauthenticated'), 'answered'],
    ['a cancelled call, as the server says', remote('canceled'), 'answered'],
    ['a declared error', remote('OutOfStock'), 'answered'],
    ['something that is no error of ours', new Error('text'), 'neutral'],
    ['null', null, 'neutral'],
  ])('judges %s', (_name, error, outcome) => {
    expect(outcomeOf(error)).toBe(outcome);
  });

  it('never takes what the application answers for a fault of the server', () => {
    const faults: readonly Code[] = ['unavailable', 'unknown', 'internal', 'data_loss', 'deadline_exceeded', 'resource_exhausted'];
    const codes: readonly Code[] = [
      'canceled', 'unknown', 'invalid_argument', 'deadline_exceeded', 'not_found', 'already_exists', 'permission_denied', 'resource_exhausted', 'failed_precondition',
      'aborted', 'out_of_range', 'unimplemented', 'internal', 'unavailable', 'data_loss', 'unauthenticated',
    ];
    expect(codes.filter((code) => outcomeOf(remote(code)) !== 'answered').toSorted()).toEqual(faults.toSorted());
  });
});
