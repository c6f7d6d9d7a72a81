import { RpcError, type CallOptions, type RawMessage } from '@rpcxjs/core';
import { described } from '@rpcxjs/core/options';
import type { TrackedOptions } from './call-handle.ts';
import type { CallStory, OutboundCall } from './outbound-call.ts';

/** A call with all that belongs to its current attempts: the second attempt beside it, and the copies that interceptors made. */
export function partsOf(main: OutboundCall): readonly OutboundCall[] {
  const { hedge } = main.story;
  return hedge === undefined ? laneOf(main) : [...laneOf(main), ...laneOf(hedge)];
}

/** One attempt, with the copies that interceptors made of it. */
export function laneOf(lane: OutboundCall): readonly OutboundCall[] {
  const { copies } = lane.story;
  return copies === undefined ? [lane] : [lane, ...copies];
}

/** How far the last attempt of a call had come when the call ended without a reply. */
export interface Ending {
  /** The server whose reply it waited for. */
  readonly address: string | undefined;
  /** Whether a byte of it has left this process. */
  readonly sent: boolean;
}

const nameOf = ({ service, method }: OutboundCall): string => `${service}.${method}`;

/** What is no option of a call, and would silently be ignored. A switch, because every call with options comes by. */
function strangeIn(options: CallOptions): string | undefined {
  if (typeof options !== 'object' || options === null) return described(options);
  for (const name in options) {
    switch (name as keyof TrackedOptions) {
      case 'timeoutMs': case 'signal': case 'metadata': case 'onReply': case 'waitForReady': case 'hashKey': case 'onSent': case 'together': case 'stop':
        break;
      default:
        if (Object.hasOwn(options, name)) return `the option ${described(name)}`;
    }
  }
  return undefined;
}

/** The error for call options that cannot work, such as an AbortController in the place of its signal. */
export function wrongOptions(options: CallOptions | undefined, timeoutMs: number): RpcError | undefined {
  if (options === undefined) return undefined;
  const wrong = (message: string): RpcError => new RpcError('invalid_argument', message, { sent: false });
  const strange = strangeIn(options);
  if (strange !== undefined) return wrong(`a call got ${strange}: it takes { timeoutMs, signal, metadata, onReply, waitForReady, hashKey }`);
  if (typeof timeoutMs !== 'number' || Number.isNaN(timeoutMs)) return wrong(`timeoutMs is ${described(timeoutMs)}: it takes milliseconds, or Infinity for no limit`);
  const metadata: unknown = options.metadata;
  // Pairs in a list, a Map or Headers have no keys, and nothing of them would be sent.
  if (metadata !== undefined && (typeof metadata !== 'object' || metadata === null || Symbol.iterator in metadata)) {
    return wrong(`metadata is ${described(metadata)}: it takes an object of texts, for example { trace: '7' }`);
  }
  const { signal } = options;
  if (signal === undefined || typeof (signal as Partial<AbortSignal> | null)?.addEventListener === 'function') return undefined;
  return wrong(`signal is ${described(signal)}: it takes an AbortSignal, which is the signal of an AbortController`);
}

/** The error for a raw message that cannot be sent unchanged: the header of a frame has four bits for the codec and three for the compressor. */
export function wrongMessage(message: RawMessage): RpcError | undefined {
  const given: Partial<Readonly<Record<string, unknown>>> = { ...message };
  const wrong = (name: string, takes: string): RpcError => new RpcError('invalid_argument', `the ${name} of a raw message is ${described(given[name])}: it takes ${takes}`, { sent: false });
  if (!(given['payload'] instanceof Uint8Array)) return wrong('payload', 'a Uint8Array');
  for (const [name, most] of [['codecId', 15], ['compressorId', 7]] as const) {
    const id = given[name] as number; // whatever it is, it is compared
    if (!Number.isInteger(id) || id < 0 || id > most) return wrong(name, `a whole number from 0 to ${most}`);
  }
  return undefined;
}

export function closedError(call: OutboundCall): RpcError {
  return new RpcError('failed_precondition', `${nameOf(call)} was called on a client that is closed; make a new one`, { reason: 'CLOSED', sent: false });
}

export function tooLateError(call: OutboundCall): RpcError {
  return new RpcError('deadline_exceeded', `no time was left for ${nameOf(call)}: its deadline had passed before it was sent`, { reason: 'TIMEOUT', sent: false });
}

/** A copy of the error that says that nothing of the call was sent. */
export function notSent({ code, message, reason, cause }: RpcError): RpcError {
  return new RpcError(code, message, { reason, cause, sent: false });
}

/** The error that something threw while a call was being written, which may be the error of another call, as the error of this one. */
export function asOwn(error: RpcError): RpcError {
  return error.sent || error.remote ? new RpcError(error.code, error.message, Object.assign({}, error, { sent: false, remote: false, cause: error })) : error;
}

/** Whether a byte of it has left this process: now, in an attempt before, or when its interceptors passed it on before. */
export function wasSent(call: OutboundCall): boolean {
  return [call, ...(call.story.passes ?? [])].some((one) => anySent(partsOf(one)) || one.story.failures?.some(({ error }) => error.sent) === true);
}
export function anySent(calls: readonly OutboundCall[]): boolean {
  return calls.some(({ attemptSent }) => attemptSent);
}

/** The error that interceptors made of a call, or of an attempt, does not say that it was not sent if it was. */
export function trueToSent<T>(error: T, sent: boolean): T | RpcError<string> {
  if (!sent || !RpcError.is(error) || error.sent) return error;
  return new RpcError<string>(error.code, error.message, Object.assign({}, error, { cause: error.cause, sent }));
}

/** The error with which the client or a connection ended, as the error of this call. */
export function endedBy(call: OutboundCall, error: RpcError): RpcError {
  return wasSent(call) ? error : notSent(error);
}

/** For an interceptor that passes on a call that has ended. */
export function overError(call: OutboundCall): RpcError {
  return new RpcError('canceled', `${nameOf(call)} is over: nothing more is sent for it`, { sent: false });
}

/** For an interceptor that resolved with nothing. */
export function noReplyError(call: OutboundCall): RpcError {
  return new RpcError('internal', `an interceptor of ${nameOf(call)} returned no reply; return what next(call) resolves with, or { output, metadata }`);
}

export function expiredError(call: OutboundCall, { waitedMs, address, sent }: Ending & { readonly waitedMs: number }): RpcError {
  const where = address !== undefined ? `got no reply from ${address}` : sent ? 'was not done' : 'was not sent';
  const last = call.story.failures?.at(-1)?.error;
  const holdUp = sent ? undefined : call.target.route.holdUp?.(call);
  const advice = last === undefined ? (holdUp ?? 'allow it more with timeoutMs, or see what keeps the server') : `the last attempt failed: ${last.message}`;
  return new RpcError('deadline_exceeded', `${nameOf(call)} ${where} within ${waitedMs} ms; ${advice}`, { reason: 'TIMEOUT', cause: last, sent, address });
}

export function abortedError(call: OutboundCall, reason: unknown, { address, sent }: Ending): RpcError {
  return new RpcError('canceled', `${nameOf(call)} was cancelled by its caller`, { reason: 'ABORTED', cause: reason, sent, address });
}

/** The last error together with those before it, and with what is known of servers that are avoided. `sent` is true if any attempt was sent, because the call may have run. */
export function withAttempts(error: RpcError<string>, attempts: NonNullable<CallStory['failures']>, avoided: string | undefined): RpcError<string> {
  const sent = error.sent || attempts.some((attempt) => attempt.error.sent);
  const text = `${error.message} (after ${attempts.length} attempts${avoided === undefined ? '' : `; ${avoided}`})`;
  return new RpcError(error.code, text, Object.assign({}, error, { sent, attempts, cause: error.cause ?? error }));
}
