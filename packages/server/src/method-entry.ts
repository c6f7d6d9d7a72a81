import type { Codec, Handle, MaybePromise, PayloadCodec, RawMessage, ServerCall, StandardSchema } from '@rpcxjs/core';
import { wire } from '@rpcxjs/core';
import { flag, headerBytes, prepareHead, type FrameView } from '@rpcxjs/protocol';
import type { Failure } from './failure.ts';

/** How one method is read and written in one codec; made once. */
export interface MethodBinding {
  readonly codec: Codec;
  readonly input: PayloadCodec;
  readonly output: PayloadCodec;
  /** The bytes with which every reply begins. */
  readonly head: Uint8Array;
  /** The schema that is still to be run; undefined where the codec was compiled from the schema's wire type, and so validates by itself. */
  readonly inputSchema: StandardSchema | undefined;
  readonly outputSchema: StandardSchema | undefined;
}

export interface MethodEntryInit {
  readonly service: string;
  readonly method: string;
  /** The handler of decoded values. */
  readonly run?: ((input: unknown, call: ServerCall) => MaybePromise<unknown>) | undefined;
  /** The handler of raw messages, as given to `server.handle`. */
  readonly raw?: ((message: RawMessage, call: ServerCall) => MaybePromise<RawMessage>) | undefined;
  /** The answer instead of a handler's: there is no such service or method. */
  readonly refusal?: Failure | undefined;
  readonly input?: StandardSchema | undefined;
  readonly output?: StandardSchema | undefined;
}

/** One method that can be called: its handler, its interceptors, and what was prepared for it. */
export class MethodEntry {
  readonly service: string;
  readonly method: string;
  readonly run: MethodEntryInit['run'];
  readonly raw: MethodEntryInit['raw'];
  readonly refusal: Failure | undefined;
  readonly inputSchema: StandardSchema | undefined;
  readonly outputSchema: StandardSchema | undefined;
  /** `chain` is all interceptors of this method around its handler, `inner` those of its service alone; undefined where there are none. */
  chain: Handle<ServerCall> | undefined;
  inner: Handle<ServerCall> | undefined;
  /** Since it was registered. */
  calls = 0;
  failed = 0;
  running = 0;
  readonly #inputWire: Readonly<Record<string, unknown>> | undefined;
  readonly #outputWire: Readonly<Record<string, unknown>> | undefined;
  readonly #bindings: (MethodBinding | undefined)[] = new Array<undefined>(16).fill(undefined);
  readonly #names: Uint8Array;

  constructor(init: MethodEntryInit) {
    this.service = init.service;
    this.method = init.method;
    this.run = init.run;
    this.raw = init.raw;
    this.refusal = init.refusal;
    this.inputSchema = checks(init.input);
    this.outputSchema = checks(init.output);
    this.#inputWire = wireTypes(init.input);
    this.#outputWire = wireTypes(init.output);
    this.#names = prepareHead({ service: init.service, method: init.method, codecId: 0, flags: 0 }).subarray(headerBytes);
  }

  binding(codec: Codec): MethodBinding {
    const known = this.#bindings[codec.id];
    if (known !== undefined) return known;
    const inputWire = this.#inputWire?.[codec.name];
    const outputWire = this.#outputWire?.[codec.name];
    const input = codec.compile?.(inputWire);
    const output = codec.compile?.(outputWire);
    const binding = {
      codec,
      input: input ?? codec,
      output: output ?? codec,
      head: prepareHead({ service: this.service, method: this.method, codecId: codec.id, flags: flag.response }),
      inputSchema: input === undefined || inputWire === undefined ? this.inputSchema : undefined,
      outputSchema: output === undefined || outputWire === undefined ? this.outputSchema : undefined,
    };
    this.#bindings[codec.id] = binding;
    return binding;
  }

  /** Whether the frame names this method, byte for byte. */
  matches(frame: FrameView): boolean {
    const names = this.#names;
    const { bytes } = frame;
    const start = frame.start + headerBytes;
    if (frame.methodEnd - start !== names.length) return false;
    for (let index = 0; index < names.length; index++) if (bytes[start + index] !== names[index]) return false;
    return true;
  }
}

/** The schema, unless it is a `type<T>()`, which validates nothing. */
function checks(schema: StandardSchema | undefined): StandardSchema | undefined {
  return schema === undefined || (schema['~standard'].vendor === 'rpcxjs' && wireTypes(schema) === undefined) ? undefined : schema;
}
function wireTypes(schema: StandardSchema | undefined): Readonly<Record<string, unknown>> | undefined {
  return schema === undefined ? undefined : (schema as { readonly [wire]?: Readonly<Record<string, unknown>> })[wire];
}
