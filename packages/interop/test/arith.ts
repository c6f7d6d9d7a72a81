import { setTimeout as wait } from 'node:timers/promises';
import { contract, type ContractHandlers, push, RpcError, unary } from '@rpcxjs/core';

/** The values of the Go services, with Go's field names. */
export interface Args { readonly A: number; readonly B: number }
export interface Reply { readonly C: number }
export interface Text { readonly Text: string }
export interface SleepArgs { readonly Ms: number; readonly ID: number; readonly Obey?: boolean }
export interface MetaReply { readonly Metadata: Readonly<Record<string, string>> }
export interface DeadlineReply { readonly Has: boolean; readonly RemainingMs: number; readonly Raw: string }
export interface PushArgs { readonly Count: number; readonly Path?: string; readonly Method?: string; readonly Metadata?: Readonly<Record<string, string>>; readonly Size?: number }

/** `Arith` of `go/services/arith.go`, for typed clients of Go and for a server that Go calls. */
export const Arith = contract('Arith', {
  Mul: unary<Args, Reply>({ idempotent: true }),
  Add: unary<Args, Reply>(),
  Fail: unary<Text, Text>(),
  Panic: unary<Text, Text>(),
  Sleep: unary<SleepArgs, { readonly ID: number }>(),
  EchoMeta: unary<Text, MetaReply>(),
  FailMeta: unary<Text, Text>(),
  Deadline: unary<Text, DeadlineReply>(),
  Say: unary<Text, Text>(),
});

export const Notes = contract('Notes', {
  Add: unary<Text, Text>(),
  List: unary<Text, { readonly Texts: readonly string[] | null }>(),
});

export const Events = contract('Events', {
  Push: unary<PushArgs, { readonly Count: number }>(),
  Drop: unary<PushArgs, { readonly Count: number }>(),
  Note: push<Text>(),
});

/** The same behaviour as the Go server's, in TypeScript. */
export const arithHandlers: ContractHandlers<typeof Arith.methods> = {
  Mul: ({ A, B }) => ({ C: A * B }),
  Add: ({ A, B }) => ({ C: A + B }),
  Fail: ({ Text: text }) => { throw new Error(text); },
  Panic: ({ Text: text }) => { throw new RpcError('internal', text); },
  async Sleep({ Ms, ID }, call) {
    await wait(Ms, undefined, { signal: call.signal });
    return { ID };
  },
  EchoMeta(_, call) {
    for (const [key, value] of Object.entries(call.metadata)) if (key.startsWith('reply-')) call.responseMetadata[key] = value;
    return { Metadata: { ...call.metadata } };
  },
  FailMeta({ Text: text }, call) {
    call.responseMetadata['reply-why'] = 'because';
    throw new Error(text);
  },
  Deadline(_, call) {
    const remaining = call.remainingMs();
    return { Has: remaining !== undefined, RemainingMs: Math.floor(remaining ?? 0), Raw: call.metadata['__ServerTimeout'] ?? '' };
  },
  Say({ Text: text }) {
    const [unit = '', times = '1'] = text.split('*');
    return { Text: unit.repeat(Number(times)) };
  },
};
