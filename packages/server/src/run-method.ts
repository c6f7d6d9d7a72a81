import { RpcError, settle, type MaybePromise, type RawMessage, type ServerCall, type StandardSchema } from '@rpcxjs/core';
import type { InboundCall } from './inbound-call.ts';
import type { MethodEntry } from './method-entry.ts';
import { refusalOf } from './refusals.ts';
import { isThenable } from './thenable.ts';
import { refusal } from './without-stacks.ts';

/** Decodes and validates the input, runs the handler, and validates its output. Makes no promise where handler and schemas make none. */
export function runMethod(call: ServerCall, entry: MethodEntry, original: InboundCall): MaybePromise<unknown> {
  original.handled = true;
  if (entry.raw !== undefined) return entry.raw(rawMessage(call, original), call);
  const { run } = entry;
  if (entry.refusal !== undefined) throw refusalOf(entry.refusal);
  if (run === undefined) throw refusal('unimplemented', `${call.service}.${call.method} cannot be called like this`, { reason: 'UNSUPPORTED' });
  // An input that an interceptor put in was read by no codec, so it is validated in full.
  const { inputSchema } = call === original ? (original.binding ?? entry) : entry;
  const { outputSchema } = original.binding ?? entry;
  if (inputSchema === undefined && outputSchema === undefined) return run(call.input, call);
  const input = inputSchema === undefined ? call.input : checkedInput(inputSchema, call);
  const output = input instanceof Promise ? input.then((value) => run(value, call)) : run(input, call);
  if (outputSchema === undefined) return output;
  const check = (value: unknown) => checked(outputSchema, value, (why) => invalidOutput(call, why));
  return isThenable(output) ? Promise.resolve(output).then(check) : check(output);
}

function rawMessage(call: ServerCall, original: InboundCall): RawMessage {
  return {
    service: call.service,
    method: call.method,
    metadata: call.metadata,
    payload: call.payload,
    codecId: original.codecId,
    compressorId: original.inflated ? 0 : original.compressorId,
    oneway: call.oneway,
    error: false,
  };
}

/** No codec carries undefined as the whole of an input: it arrives as null. So null that the schema refuses is shown to it as undefined: `z.void()`, `.optional()`, `.default(…)`. */
function checkedInput(schema: StandardSchema, call: ServerCall): MaybePromise<unknown> {
  const check = (value: unknown) => checked(schema, value, (why) => invalidInput(call, why));
  if (call.input !== null) return check(call.input);
  const refused = (first: unknown) => settle(() => check(undefined), (value) => value, () => { throw first; });
  return settle(() => check(null), (value) => value, refused);
}

function checked(schema: StandardSchema, value: unknown, failure: (why: string) => RpcError): MaybePromise<unknown> {
  const result = schema['~standard'].validate(value);
  return isThenable(result) ? Promise.resolve(result).then((late) => valueOf(late, failure)) : valueOf(result, failure);
}

function valueOf(result: { readonly value?: unknown; readonly issues?: readonly Issue[] | undefined }, failure: (why: string) => RpcError): unknown {
  if (result.issues === undefined) return result.value;
  throw failure(result.issues.slice(0, 8).map(describe).join('; '));
}

interface Issue {
  readonly message: string;
  readonly path?: readonly unknown[] | undefined;
}
function describe(issue: Issue): string {
  const path = (issue.path ?? []).map((part) => String(typeof part === 'object' && part !== null && 'key' in part ? part.key : part)).join('.');
  return path === '' ? issue.message : `${path}: ${issue.message}`;
}

function invalidInput(call: ServerCall, why: string): RpcError {
  return refusal('invalid_argument', `the input of ${call.service}.${call.method} is not valid: ${why}`, { reason: 'INVALID_INPUT' });
}
function invalidOutput(call: ServerCall, why: string): RpcError {
  return new RpcError('internal', `the output of ${call.service}.${call.method} is not valid: ${why}`, { reason: 'INVALID_OUTPUT' });
}
