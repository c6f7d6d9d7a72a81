import { RpcError, utf8Bytes, wire, type Codec, type ErrorMap, type PayloadCodec, type StandardSchema } from '@rpcxjs/core';
import { compressorFlags, flag, prepareHead, prepareTimeout, reserved } from '@rpcxjs/protocol';

export interface BindingInit {
  /** Path on the wire. */
  readonly service: string;
  readonly method: string;
  readonly codec: Codec;
  readonly input?: StandardSchema | undefined;
  readonly output?: StandardSchema | undefined;
  readonly errors?: ErrorMap | undefined;
  readonly idempotent?: boolean | undefined;
}

/** Everything about calling one method that is the same from call to call. */
export class ClientBinding {
  readonly service: string;
  readonly method: string;
  readonly codec: Codec;
  readonly idempotent: boolean;
  readonly input: PayloadCodec;
  readonly output: PayloadCodec;
  readonly head: Uint8Array;
  readonly #init: BindingInit;
  #onewayHead: Uint8Array | undefined;
  #timeoutMs = Number.NaN;
  #timeoutBytes: Uint8Array = new Uint8Array(0);

  constructor(init: BindingInit) {
    checkName(init.service);
    checkName(init.method);
    this.#init = init;
    this.service = init.service;
    this.method = init.method;
    this.codec = init.codec;
    this.idempotent = init.idempotent ?? false;
    this.input = payloadCodec(init.input, init.codec);
    this.output = payloadCodec(init.output, init.codec);
    this.head = this.#prepare(0);
  }

  get onewayHead(): Uint8Array {
    return (this.#onewayHead ??= this.#prepare(flag.oneway));
  }
  compressedHead(oneway: boolean, compressorId: number): Uint8Array {
    return this.#prepare((oneway ? flag.oneway : 0) | compressorFlags(compressorId));
  }

  /** Metadata that holds nothing but the time left. It is kept, because most calls have the same time left as the one before. */
  timeoutMetadata(remainingMs: number): Uint8Array {
    if (remainingMs !== this.#timeoutMs) {
      this.#timeoutBytes = prepareTimeout(remainingMs);
      this.#timeoutMs = remainingMs;
    }
    return this.#timeoutBytes;
  }

  /** The same binding under other names, for an interceptor that changes where a call goes. */
  renamed(service: string, method: string): ClientBinding {
    return new ClientBinding({ ...this.#init, service, method });
  }

  #prepare(flags: number): Uint8Array {
    return prepareHead({ service: this.service, method: this.method, codecId: this.codec.id, flags });
  }
}

/** Throws for a name that cannot be called: servers end the connection over one of more than 255 bytes, and names that begin with `_rpcxjs` are reserved. */
export function checkName(name: string): void {
  if (typeof name !== 'string') throw new TypeError(`the name of a service or method is ${String(name)}: it takes a text, as in call('Arith', 'Mul', input)`);
  if (name.startsWith(reserved.controlPath)) {
    throw new RpcError('invalid_argument', `"${name}" cannot be called: names that begin with ${reserved.controlPath} are reserved`, { reason: 'RESERVED_NAME', sent: false });
  }
  if (name.length > 85 && utf8Bytes(name).length > 255) {
    throw new RpcError('invalid_argument', `a name of ${name.length} characters cannot be called: it takes at most 255 bytes`, { reason: 'TOO_LARGE', sent: false });
  }
}

/** How values of the schema are written and read: by its wire type in this codec, if it has one. */
export function payloadCodec(schema: StandardSchema | undefined, codec: Codec): PayloadCodec {
  const type = schema === undefined ? undefined : (schema as { readonly [wire]?: Readonly<Record<string, unknown>> })[wire]?.[codec.name];
  return codec.compile?.(type) ?? codec;
}
