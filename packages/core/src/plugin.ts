import type { ClientCall, Interceptor, Peer, Push, ServerCall } from './call.ts';
import type { MaybePromise } from './codec.ts';
import type { ServiceInstance } from './discovery.ts';
import type { Runtime } from './runtime.ts';
import type { Picker } from './selector.ts';
import type { Connection } from './transport.ts';

export interface FrameInfo {
  readonly service: string;
  readonly method: string;
  readonly bytes: number;
}
export interface RegisteredService {
  readonly name: string;
  readonly methods: readonly string[];
}

/** Observers that throw are logged and forgotten; an interceptor's error is the call's; a failed `start` fails `listen` or the first call. */
interface Plugin {
  /** Shown in errors and traces. */
  readonly name: string;
  start?(runtime: Runtime): MaybePromise<void>;
  stop?(): MaybePromise<void>;
  connectionClosed?(connection: Connection, reason: Error | undefined): void;
  frameRead?(frame: FrameInfo): void;
  frameWritten?(frame: FrameInfo): void;
}
export interface ServerPlugin extends Plugin {
  serviceRegistered?(service: RegisteredService): MaybePromise<void>;
  serviceUnregistered?(service: RegisteredService): MaybePromise<void>;
  /** Returns the connection to use, wrapped or not, or undefined to refuse it. */
  acceptConnection?(connection: Connection): MaybePromise<Connection | undefined>;
  heartbeat?(peer: Peer): void;
  readonly intercept?: Interceptor<ServerCall> | undefined;
  readonly interceptPush?: Interceptor<Push, void> | undefined;
}
export interface ClientPlugin extends Plugin {
  connectionOpened?(connection: Connection): MaybePromise<Connection>;
  connectionFailed?(address: string, reason: Error): void;
  wrapPicker?(picker: Picker, instances: readonly ServiceInstance[]): Picker;
  /** Once for each call the user makes; the fail mode runs inside it. */
  readonly intercept?: Interceptor<ClientCall> | undefined;
  /** Once for each attempt; runs inside the fail mode. */
  readonly interceptAttempt?: Interceptor<ClientCall> | undefined;
}
