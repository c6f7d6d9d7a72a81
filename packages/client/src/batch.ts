import { RpcError, type CallOptions, type Logger, type MethodRef } from '@rpcxjs/core';
import { OpenHandle, type CallHandle, type InputRest, type Launch } from './call-handle.ts';

/** What each call of a batch may have of its own; time and cancellation belong to the batch. */
export type BatchItemOptions = Omit<CallOptions, 'timeoutMs' | 'signal' | 'waitForReady'>;
/** What holds for all calls of a batch. */
export type BatchOptions = Pick<CallOptions, 'timeoutMs' | 'signal' | 'waitForReady'>;

/**
 * Calls that are gathered and sent together: in one write for each server, up to 40 KiB; with one deadline. Nothing is atomic about it: each
 * call is balanced, tried again and answered by itself. Usable again after `call`.
 */
export interface Batch {
  /** Calls that wait for `call`. */
  readonly length: number;
  /** Adds a call and returns the handle of its reply; the call is not started before `call`. */
  add<In, Out>(method: MethodRef<'unary', In, Out>, ...rest: InputRest<In, BatchItemOptions>): CallHandle<Out>;
  /** Adds a one-way call; its handle resolves when the bytes are written. */
  addOneway<In>(method: MethodRef<'unary', In>, ...rest: InputRest<In, BatchItemOptions>): CallHandle<void>;
  /**
   * Begins what was added and empties the batch. Resolves when every call is over, also with errors of its own, which the handles tell. Rejects
   * with TIMEOUT when the deadline came before the last of them, with ABORTED when `signal` did; those that were done by then keep their results.
   */
  call(options?: BatchOptions): Promise<void>;
}

interface Item {
  readonly handle: OpenHandle<unknown>;
  readonly launch: Launch;
  readonly options: BatchItemOptions | undefined;
}
/** Prepares one call; throws TypeError for something that is not a method. */
export type Prepare = (method: MethodRef, input: unknown, kind: 'value' | 'oneway') => Launch;

export function openBatch(prepare: Prepare, logger: Logger): Batch {
  let items: Item[] = [];
  const add = (method: MethodRef, input: unknown, options: BatchItemOptions | undefined, kind: 'value' | 'oneway'): OpenHandle<unknown> => {
    const launch = prepare(method, input, kind);
    const handle = new OpenHandle<unknown>(method, logger);
    items.push({ handle, launch, options });
    return handle;
  };
  const waiting = (): Item[] => items.filter(({ handle }) => handle.state !== 'settled');
  return {
    get length() {
      return waiting().length;
    },
    add: (method: MethodRef, input?: unknown, options?: BatchItemOptions) => add(method, input, options, 'value') as never, // the contract says what it is
    addOneway: (method: MethodRef, input?: unknown, options?: BatchItemOptions) => add(method, input, options, 'oneway') as never, // void
    async call(options = {}) {
      const taken = waiting();
      items = [];
      for (const { handle, launch, options: own } of taken) handle.begin(launch, own === undefined ? { ...options, together: true } : { ...own, ...options, together: true });
      await Promise.all(taken.map(({ handle }) => handle.then(ignore, ignore)));
      const unfinished = taken.filter(({ handle }) => ofAll(handle.error, options));
      const [first] = unfinished;
      if (first === undefined) return;
      const { code, reason, sent, message } = first.handle.error as RpcError; // that is what it was filtered by
      throw new RpcError(code, `${unfinished.length} of ${taken.length} calls of a batch were not done: ${message}`, { reason, sent, cause: first.handle.error });
    },
  };
}

/** Whether the error is of the whole batch, its deadline or its signal, and not of one call. */
function ofAll(error: unknown, { signal }: BatchOptions): boolean {
  if (!RpcError.is(error)) return false;
  return error.code === 'deadline_exceeded' || error.reason === 'NO_DEADLINE' || (error.reason === 'ABORTED' && signal?.aborted === true);
}

function ignore(): void {}
