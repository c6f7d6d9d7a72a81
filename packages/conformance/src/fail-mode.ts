import { RpcError, type ClientCall, type FailDecision, type FailMode } from '@rpcxjs/core';
import { claim, conformanceCase, type ConformanceCase } from './case.ts';

export interface FailModeCasesOptions {
  /** Makes the fail mode; called once for each case. */
  create(): FailMode;
  /** It tries calls again that may have run and are not idempotent, as with `retryUnsafe`. @default false */
  readonly retriesUnsafe?: boolean | undefined;
}

const mostAttempts = 1000;

/** What every fail mode must do. */
export function failModeCases(options: FailModeCasesOptions): ConformanceCase[] {
  const { create } = options;
  const late = 'the fail mode did not answer; it is asked within a call, and must answer at once';
  const check = (name: string, run: () => void, skip?: string): ConformanceCase => conformanceCase(`a fail mode ${name}`, { late, skip }, run);
  return [
    check('has a name', () => claim(create().name.length > 0, 'its name is empty: errors and logs tell it')),
    check('gives up some time', () => {
      const mode = create();
      let attempt = 1;
      while (attempt <= mostAttempts && next(mode, { attempt }) !== 'give-up') attempt += 1;
      claim(attempt <= mostAttempts, `it wanted more than ${mostAttempts} attempts of one call`);
    }),
    check('answers with a decision that can be carried out', () => {
      const mode = create();
      for (const retryable of [true, false]) for (let attempt = 1; attempt <= 20; attempt++) claimSound(next(mode, { attempt, retryable }));
    }),
    check('leaves alone what may have run and is not idempotent', () => {
      const decision = next(create(), { retryable: false });
      claim(decision === 'give-up', `it tries again what the client says is not safe: ${JSON.stringify(decision)}`);
    }, options.retriesUnsafe === true ? 'it was told to try again what may have run' : undefined),
    check('leaves alone what the server has answered', () => {
      const error = new RpcError('not_found', 'no such order', { remote: true });
      claim(next(create(), { retryable: false, error }) === 'give-up', 'it tries again although the server has answered with an error of the application');
    }),
    check('waits at least as long as the server asks for', () => {
      const decision = next(create(), { error: new RpcError('unavailable', 'busy', { retryAfterMs: 300 }) });
      claim(decision === 'give-up' || decision.afterMs >= 300, `the server asked for 300 ms, and it waits ${JSON.stringify(decision)}`);
    }),
    check('is for many calls at once: what it decides depends on the failure, not on what it was asked before', () => {
      const mode = create();
      const first = JSON.stringify(next(mode, { attempt: 1 }));
      for (let count = 0; count < 100; count++) next(mode, { attempt: 1 + (count % 7) });
      claim(JSON.stringify(next(mode, { attempt: 1 })) === first, 'another call had another number of attempts: it counts them itself instead of reading attempt');
    }),
    check('says when to ask a second server in milliseconds, or not at all, and never for what must not run twice', () => {
      const mode = create();
      const idempotent = mode.hedgeAfterMs?.(call(true));
      claim(idempotent === undefined || (idempotent >= 0 && idempotent < Infinity), `hedgeAfterMs is ${idempotent}`);
      const unsafe = mode.hedgeAfterMs?.(call(false));
      claim(unsafe === undefined || options.retriesUnsafe === true, `it asks a second server for a method that is not idempotent, after ${unsafe} ms`);
    }),
    check('takes the durations that it is told', () => {
      const mode = create();
      for (const durationMs of [0, 0.001, 1, 1e9]) mode.succeeded?.(call(true), durationMs);
      claimSound(next(mode, {}));
    }),
  ];
}

interface Failure {
  readonly attempt?: number;
  readonly retryable?: boolean;
  readonly error?: RpcError;
}

function next(mode: FailMode, { attempt = 1, retryable = true, error = new RpcError('unavailable', 'planted') }: Failure): FailDecision {
  return mode.next({ error, retryable, attempt, instance: undefined }, call(retryable));
}

function claimSound(decision: FailDecision): void {
  if (decision === 'give-up') return;
  const { again, afterMs, jitterMs = 0 } = decision;
  claim(again === 'same' || again === 'other', `again is ${JSON.stringify(again)}: it is "same" or "other"`);
  claim(afterMs >= 0 && afterMs < Infinity, `afterMs is ${afterMs}`);
  claim(jitterMs >= 0 && jitterMs < Infinity, `jitterMs is ${jitterMs}`);
}

function call(idempotent: boolean): ClientCall {
  const stub: Partial<ClientCall> = { service: 'Conformance', method: 'Call', oneway: false, deadline: undefined, remainingMs: () => undefined, metadata: {}, input: null, idempotent, hashKey: undefined };
  return stub as ClientCall; // a fail mode has no use for its signal, its values or copies of it
}
