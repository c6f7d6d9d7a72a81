import {
  jsonCodec, parseAddress, RpcError, systemClock, thrownText,
  type CallOptions, type Clock, type Codec, type Contract, type ContractClient, type Dialer, type InterfaceClient, type Logger, type MethodRef, type Methods, type PayloadCodec, type Runtime,
} from '@rpcxjs/core';
import { defaultFrameLimits, readMetadata, type FrameLimits, type FrameView } from '@rpcxjs/protocol';
import { errorsWord, type SomeOf } from '@rpcxjs/session';
import { checkName, payloadCodec } from '../client-binding.ts';
import { Pushes, type PushInfo } from '../pushes.ts';
import { replyError } from '../reply-error.ts';
import { contractService, interfaceService, type MakeCaller, type MethodTraits, type ServiceOptions } from '../typed-service.ts';
import { LeanCall, type LeanMethod } from './lean-call.ts';
import { LeanLink } from './lean-link.ts';
import type { LeanSession } from './lean-session.ts';
import { pageLogger } from './page-logger.ts';

/** What the server may cost this page or process; all of it is on by default. */
export interface LeanLimits extends FrameLimits {
  /** Calls that may wait for a connection. @default 65536 */
  readonly maxQueuedCalls: number;
  /** Messages of the server that wait for a slow reader before the oldest is dropped. @default 1024 */
  readonly maxQueuedPushes: number;
}
export const defaultLeanLimits: LeanLimits = { ...defaultFrameLimits, maxQueuedCalls: 65_536, maxQueuedPushes: 1024 };

export interface LeanClientOptions {
  /** Where the server is, `ws@host:port`; of several the next one is taken when one cannot be reached. */
  readonly servers: string | readonly string[];
  /** How to reach it. */
  readonly transports: readonly Dialer[];
  /** The first one is what calls use; JSON is always among them. @default JSON */
  readonly codecs?: readonly Codec[] | undefined;
  /** Milliseconds that a call may take, waiting for a connection included; `Infinity` for no limit. @default 10 000 */
  readonly timeoutMs?: number | undefined;
  /** Sent with every call as `__AUTH`; a function is asked each time. */
  readonly token?: string | (() => string) | undefined;
  readonly limits?: SomeOf<LeanLimits> | undefined;
  /** Told of each connection that is made, and with the reason of each one that is lost: where a page shows it, and asks for its pushes again. */
  readonly onConnection?: ((connected: boolean, error: RpcError | undefined) => void) | undefined;
  /** @default the console, warnings and errors only */
  readonly logger?: Logger | undefined;
  /** @default the system's */
  readonly clock?: Clock | undefined;
}

/** What may differ from service to service. */
export type LeanServiceOptions<Names = string> = Pick<ServiceOptions<Names>, 'path' | 'codec' | 'idempotent'>;

/** Calls the services of one server over one connection, which is opened by the first call and again when it is lost. The same names as in the whole client. */
export interface LeanClient extends AsyncDisposable {
  /** By a plain interface, for a server whose code is not ours: any name that the interface has is a method. */
  service<T>(name: string, options?: LeanServiceOptions<keyof T>): InterfaceClient<T>;
  /** The methods of a contract as functions. */
  service<M extends Methods>(contract: Contract<M>, options?: LeanServiceOptions<keyof M>): ContractClient<M>;
  /** By name. */
  call<Out = unknown>(service: string, method: string, input: unknown, options?: CallOptions): Promise<Out>;
  /** Resolves when it was written; nobody answers. */
  oneway<In>(method: MethodRef<'unary', In>, input: In, options?: CallOptions): Promise<void>;
  /** Listens from the moment it is called; the reader that falls behind loses the oldest. */
  pushes<T>(event: MethodRef<'push', T>): AsyncIterableIterator<T> & Disposable;
  /** Calls back for each message, until the returned function is called. */
  onPush<T>(event: MethodRef<'push', T>, listener: (value: T, info: PushInfo) => void): () => void;
  /** Resolves when there is a connection; rejects when none comes about. */
  ready(): Promise<void>;
  readonly connected: boolean;
  /** Refuses new calls, lets those under way finish, then closes. After `graceMs` (5000) the rest fails. */
  close(options?: { readonly graceMs?: number | undefined }): Promise<void>;
  /** Fails everything now. */
  abort(reason?: Error): void;
}

class OneServerClient implements LeanClient {
  readonly #codecs: readonly Codec[];
  readonly #timeoutMs: number;
  readonly #runtime: Runtime;
  readonly #link: LeanLink;
  readonly #pushes: Pushes;
  readonly #calls = new Set<LeanCall>();
  readonly #onConnection: LeanClientOptions['onConnection'];
  #closed = false;
  #idle: (() => void) | undefined;

  constructor(options: LeanClientOptions) {
    const { clock = systemClock, token, transports } = options;
    this.#timeoutMs = options.timeoutMs ?? 10_000;
    if (Number(this.#timeoutMs) !== this.#timeoutMs || this.#timeoutMs <= 0) throw new TypeError(`timeoutMs is ${this.#timeoutMs}: it takes milliseconds above 0, or Infinity for no limit`);
    const servers = serversOf(options);
    this.#codecs = [...(options.codecs ?? []), jsonCodec];
    this.#runtime = { clock, logger: options.logger ?? pageLogger };
    this.#onConnection = options.onConnection;
    // What is undefined has its default.
    const given: Record<string, number | undefined> = { ...options.limits };
    for (const [name, most] of Object.entries(defaultLeanLimits)) given[name] ??= most;
    const limits = given as unknown as LeanLimits; // nothing is left out
    this.#pushes = new Pushes({
      most: limits.maxQueuedPushes,
      logger: this.#runtime.logger,
      read: (service, method, frame) => this.#value(`the push ${service}.${method}`, undefined, frame),
    });
    this.#link = new LeanLink({ servers, transports, runtime: this.#runtime, limits, token: typeof token === 'string' ? () => token : token }, {
      replied: (call, frame, session) => this.#replied(call, frame, session),
      pushed: (frame, address) => this.#pushes.received(frame, address),
      failed: (call, error) => call.fail(error),
      connected: () => this.#tell(true, undefined),
      disconnected: (error) => this.#tell(false, error),
      listened: () => this.#pushes.listening,
    });
  }

  service(first: Contract | string, options: LeanServiceOptions<PropertyKey> = {}): never {
    const path = options.path ?? (typeof first === 'string' ? first : first.name);
    const codec = this.#codec(options.codec);
    const idempotent = (options.idempotent ?? []).map(String);
    const make: MakeCaller = (method, traits) => {
      let to: LeanMethod | undefined;
      return (input, given) => this.#run(() => (to ??= methodOf(path, method, codec, traits)), input, given);
    };
    return (typeof first === 'string' ? interfaceService(idempotent, make) : contractService(first, idempotent, make)) as never; // the overloads say what it is
  }

  call<Out>(service: string, method: string, input: unknown, options?: CallOptions): Promise<Out> {
    return this.#run(() => methodOf(service, method, this.#codec(undefined), {}), input, options) as Promise<Out>; // the caller says what it is
  }
  oneway<In>(method: MethodRef<'unary', In>, input: In, options?: CallOptions): Promise<void> {
    return this.#run(() => methodOf(method.service, method.name, this.#codec(undefined), method), input, options, true) as Promise<void>; // nothing is read
  }

  pushes<T>(event: MethodRef<'push', T>): AsyncIterableIterator<T> & Disposable {
    return this.#pushes.iterate(event);
  }
  onPush<T>(event: MethodRef<'push', T>, listener: (value: T, info: PushInfo) => void): () => void {
    return this.#pushes.listen(event, listener);
  }

  ready(): Promise<void> {
    return this.#closed ? Promise.reject(closedError('ready()')) : this.#link.ready();
  }
  get connected(): boolean {
    return this.#link.connected;
  }

  async close({ graceMs = 5000 }: { readonly graceMs?: number | undefined } = {}): Promise<void> {
    if (!(graceMs >= 0)) throw new TypeError(`graceMs is ${graceMs}: it takes milliseconds`);
    this.#closed = true;
    if (this.#calls.size > 0) {
      await new Promise<void>((resolve) => {
        const timer = this.#runtime.clock.setTimer(resolve, graceMs);
        this.#idle = () => {
          timer.cancel();
          resolve();
        };
      });
    }
    if (this.#calls.size > 0) this.abort();
    else this.#link.close();
    this.#pushes.close();
  }
  abort(reason?: Error): void {
    this.#closed = true;
    const error = new RpcError('canceled', 'the client was stopped', { reason: 'CLOSED', cause: reason });
    this.#link.abort(error);
    for (const call of this.#calls) call.fail(error);
    this.#pushes.close();
  }
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #run(prepare: () => LeanMethod, input: unknown, options: CallOptions | undefined, oneway = false): Promise<unknown> {
    let call: LeanCall;
    try {
      call = this.#prepared(prepare(), input, options, oneway);
    } catch (error) {
      return Promise.reject(error); // of checkName, a codec that does not compile its wire type, or options that are none
    }
    this.#calls.add(call);
    call.watch(this.#runtime.clock, {
      expired: () => this.#giveUp(call, this.#late(call)),
      aborted: (cause) => this.#giveUp(call, new RpcError('canceled', `${call.name} was cancelled by its caller`, { reason: 'ABORTED', sent: call.sent, cause })),
    });
    if (!call.settled) this.#link.send(call);
    return call.promise;
  }

  #prepared(to: LeanMethod, input: unknown, options: CallOptions | undefined, oneway: boolean): LeanCall {
    const name = `${to.service}.${to.method}`;
    if (this.#closed) throw closedError(name);
    const { timeoutMs = this.#timeoutMs, signal } = options ?? {};
    const wrong =
      Number(timeoutMs) !== timeoutMs ? `timeoutMs is ${timeoutMs}: it takes milliseconds above 0, or Infinity for no limit`
      : signal !== undefined && typeof (signal as Partial<AbortSignal> | null)?.addEventListener !== 'function' ? 'signal takes an AbortSignal' : undefined;
    if (wrong !== undefined) throw new RpcError('invalid_argument', wrong, { sent: false });
    // A handler's call may have no time left: as in the whole client, it is not sent then.
    if (timeoutMs <= 0) throw new RpcError('deadline_exceeded', `no time was left for ${name}`, { reason: 'TIMEOUT', sent: false });
    const startedAt = this.#runtime.clock.now();
    return new LeanCall(to, input, { options, oneway, startedAt, deadlineAt: startedAt + timeoutMs, over: (call) => this.#over(call) });
  }

  #late(call: LeanCall): RpcError {
    const waitedMs = Math.round(call.deadlineAt - call.startedAt);
    const why = call.sequence < 0 ? this.#link.holdUp : 'allow it more with timeoutMs, or see what keeps the server';
    return new RpcError('deadline_exceeded', `${call.name} got no reply within ${waitedMs} ms; ${why}`, { reason: 'TIMEOUT', sent: call.sent });
  }

  #giveUp(call: LeanCall, error: RpcError): void {
    this.#link.forget(call);
    call.fail(error);
  }

  #replied(call: LeanCall, frame: FrameView, session: LeanSession): void {
    try {
      if (frame.isError) {
        const { error, refused } = replyError(frame, session.agreed(errorsWord), session.address);
        if (refused && error.reason === 'DRAINING') {
          // It was too late here; it waits for the next connection.
          session.leave();
          this.#link.send(call);
        } else call.fail(error);
        return;
      }
      const { codec, output } = call.to;
      const value = this.#value(`the reply of ${call.name}`, frame.codecId === codec.id ? output : undefined, frame);
      call.options?.onReply?.({ metadata: readMetadata(frame.bytes, frame.metadataStart, frame.metadataEnd), address: session.address });
      call.succeed(value);
    } catch (error) {
      call.fail(RpcError.is(error) ? error : new RpcError('internal', `${call.name} failed: ${thrownText(error)}`, { cause: error }));
    }
  }

  /** `what` it is, for texts. Throws `RpcError`. */
  #value(what: string, given: PayloadCodec | undefined, { bytes, payloadStart, end, codecId, compressorId }: FrameView): unknown {
    const decoder = given ?? this.#codecs.find(({ id }) => id === codecId);
    if (compressorId !== 0) throw new RpcError('unimplemented', `${what} is compressed, which this client cannot read`, { reason: 'UNKNOWN_COMPRESSOR' });
    if (decoder === undefined) throw new RpcError('unimplemented', `${what} is in codec ${codecId}; give it to the client's codecs`, { reason: 'UNKNOWN_CODEC' });
    try {
      return decoder.decode(bytes, payloadStart, end);
    } catch (cause) {
      throw new RpcError('data_loss', `${what} cannot be read: ${thrownText(cause)}`, { reason: 'BAD_PAYLOAD', cause });
    }
  }

  #over(call: LeanCall): void {
    if (this.#calls.delete(call) && this.#calls.size === 0) this.#idle?.();
  }

  #tell(connected: boolean, error: RpcError | undefined): void {
    if (this.#closed) return;
    try {
      this.#onConnection?.(connected, error);
    } catch (thrown) {
      this.#runtime.logger.error({ err: thrown }, 'onConnection threw');
    }
  }

  #codec(name: string | undefined): Codec {
    const codec = name === undefined ? this.#codecs[0] : this.#codecs.find((one) => one.name === name);
    if (codec !== undefined) return codec;
    throw new TypeError(`the client has no codec "${name}" (it has: ${this.#codecs.map((one) => one.name).join(', ')})`);
  }
}

function methodOf(service: string, method: string, codec: Codec, { input, output, idempotent = false }: MethodTraits): LeanMethod {
  checkName(service);
  checkName(method);
  return { service, method, codec, input: payloadCodec(input, codec), output: payloadCodec(output, codec), idempotent };
}

function serversOf({ servers, transports }: LeanClientOptions): readonly string[] {
  if (!Array.isArray(transports)) throw new TypeError('transports takes a list, for example [webSocket()]');
  const addresses = typeof servers === 'string' ? [servers] : [...(servers ?? [])];
  if (addresses.length === 0) throw new TypeError("a client needs to know where its server is: servers: 'ws@host:port'");
  for (const address of addresses) {
    const { network } = parseAddress(address);
    if (!transports.some(({ networks }) => networks.includes(network))) throw new TypeError(`no transport dials "${network}", as in "${address}"`);
  }
  return addresses;
}

function closedError(what: string): RpcError {
  return new RpcError('failed_precondition', `${what} was called on a client that is closed`, { reason: 'CLOSED', sent: false });
}

/** A client of one server over one connection, for pages and wherever size counts: typed calls, deadlines, cancelling, pushes, and a connection that comes back. Throws TypeError for invalid options. */
export function createClient(options: LeanClientOptions): LeanClient {
  return new OneServerClient(options);
}
