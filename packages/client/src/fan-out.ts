import { onAbort, RpcError, thrownText, type Attempted, type CallOptions, type Clock, type MethodRef } from '@rpcxjs/core';
import { asRpcError } from './client-session.ts';

/** What one server made of a call that went to all of them: its reply, or the error instead of one. Look at `error` first, and `value` is known. */
export type Receipt<Out = unknown> = Replied<Out> | Failed;
interface Replied<Out> {
  readonly address: string;
  /** Its reply. */
  readonly value: Out;
  readonly error?: undefined;
}
interface Failed {
  readonly address: string;
  readonly value?: undefined;
  /** Why there is no reply. What interceptors or `mapError` threw that is no Error is its `cause`. */
  readonly error: Error;
}
export interface FanOutOptions extends CallOptions {
  /** Only servers that are in this group, by their metadata. @default all */
  readonly group?: string | undefined;
}

/** One server of those that are called together. */
export interface Recipient {
  readonly address: string;
  call(options: CallOptions): Promise<unknown>;
}
/** A call and all the servers that it goes to. */
export interface FanOut {
  readonly method: MethodRef;
  readonly everyone: readonly Recipient[];
  readonly options: CallOptions;
  readonly clock: Clock;
}

/**
 * Like Promise.all: the first server that fails ends it, and the others are cancelled, as their receipts say. One that cannot be connected ends
 * nothing, as no server of it has begun; rpcx leaves it out in silence (client/xclient_broadcast.go), here its receipt says so.
 */
export function broadcast(fan: FanOut): Promise<Receipt[]> {
  return together(fan, (options, stop) => Promise.all(fan.everyone.map(async (recipient) => {
    const { receipt } = await ask(fan, recipient, options);
    if (receipt.error !== undefined && !unreachable(receipt.error)) stop(new Error(`${recipient.address} failed: ${thrownText(receipt.error)}`));
    return receipt;
  })));
}

/** Like Promise.allSettled: waits for every server, whatever it makes of the call. */
export async function inform(fan: FanOut): Promise<Receipt[]> {
  const answers = await Promise.all(fan.everyone.map((recipient) => ask(fan, recipient, fan.options)));
  return answers.map(({ receipt }) => receipt);
}

/** Like Promise.any: the first success is the result, and the others are cancelled, also on their servers. */
export function fork(fan: FanOut): Promise<unknown> {
  const failed: Answer[] = [];
  return together(fan, (options, stop) => new Promise((resolve, reject) => {
    for (const recipient of fan.everyone) {
      void ask(fan, recipient, options).then((answer) => {
        const { receipt } = answer;
        if (receipt.error === undefined) {
          resolve(receipt.value);
          stop(new Error(`${receipt.address} answered first`));
        } else if (failed.push(answer) === fan.everyone.length) reject(allFailed(fan, failed));
      });
    }
  }));
}

interface Answer {
  readonly receipt: Receipt;
  readonly durationMs: number;
}

async function ask({ clock }: FanOut, { address, call }: Recipient, options: CallOptions): Promise<Answer> {
  const began = clock.now();
  const answer = (receipt: Receipt): Answer => ({ receipt, durationMs: clock.now() - began });
  try {
    return answer({ address, value: await call(options) });
  } catch (error) {
    // An interceptor may throw anything, undefined as well.
    return answer({ address, error: error instanceof Error ? error : asRpcError(error) });
  }
}

/** Gives all calls one signal that either the caller or the outcome aborts. */
async function together<T>({ options }: FanOut, run: (options: CallOptions, stop: (why: Error) => void) => Promise<T>): Promise<T> {
  const all = new AbortController();
  const release = options.signal === undefined ? undefined : onAbort(options.signal, (reason) => all.abort(reason));
  try {
    return await run({ ...options, signal: all.signal }, (why) => all.abort(why));
  } finally {
    release?.();
  }
}

function unreachable(error: unknown): boolean {
  return RpcError.is(error) && error.reason === 'CONNECT_FAILED' && !error.sent;
}

/** The most useful of the errors: that of a server, else that of a call that was sent, else any. */
function allFailed({ method, everyone }: FanOut, failed: readonly Answer[]): RpcError<string> {
  const errors = failed.map(({ receipt }) => asRpcError(receipt.error));
  const [first] = [...errors.filter(({ remote }) => remote), ...errors.filter(({ sent }) => sent), ...errors];
  const { code, reason, details, metadata, remote, address, retryAfterMs, message } = first as RpcError<string>; // there is at least one
  const attempts: Attempted[] = failed.map(({ receipt: { address: of, error }, durationMs }) => ({ address: of, error, durationMs }));
  return new RpcError(code, `${method.service}.${method.name} failed on all ${everyone.length} servers, for example: ${message}`, {
    reason, details, metadata, remote, address, retryAfterMs, attempts, sent: errors.some(({ sent }) => sent), cause: first,
  });
}
