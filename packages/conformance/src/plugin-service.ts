import { contract, push, RpcError, unary, type MethodRef, type ServerCall } from '@rpcxjs/core';

/** The calls that the handlers of the cases got. */
export interface PluginLog {
  /** Inputs of Echo and Note, in their order. */
  readonly inputs: unknown[];
  readonly metadata: Readonly<Record<string, string>>[];
  /** Calls of Wait that have begun, and those whose signal has fired. */
  waiting: number;
  stopped: number;
}

/** The service that the plugin's calls go to; register each of its methods, for example by `server.registerFunction`. */
export interface PluginService {
  readonly name: string;
  readonly methods: Readonly<Record<string, (input: unknown, call: ServerCall) => unknown>>;
  /** The one of them that is called one-way. */
  readonly note: MethodRef<'unary', unknown, void>;
  /** What Say pushes. */
  readonly said: MethodRef<'push', unknown>;
}

const { name, methods: refs } = contract('Conformance', { Note: unary<unknown, void>(), Said: push<unknown>() });

export const refusal: { readonly code: 'failed_precondition'; readonly message: string; readonly details: unknown } = {
  code: 'failed_precondition', message: 'not today', details: { until: [1, 'two'] },
};

export function pluginService(): { readonly service: PluginService; readonly log: PluginLog } {
  const log: PluginLog = { inputs: [], metadata: [], waiting: 0, stopped: 0 };
  const methods: PluginService['methods'] = {
    Echo(input, call) {
      log.inputs.push(input);
      log.metadata.push({ ...call.metadata });
      call.responseMetadata['kit-answer'] = 'yes';
      return input;
    },
    Note(input) {
      log.inputs.push(input);
    },
    Fail() {
      throw new RpcError(refusal.code, refusal.message, { details: refusal.details });
    },
    Wait(_input, call) {
      log.waiting += 1;
      return new Promise((_, reject) => {
        call.signal.addEventListener('abort', () => {
          log.stopped += 1;
          reject(call.signal.reason as Error); // what the server aborted it with
        });
      });
    },
    async Say(input, call) {
      await call.peer.push(refs.Said, input);
    },
  };
  return { service: { name, methods, note: refs.Note, said: refs.Said }, log };
}
