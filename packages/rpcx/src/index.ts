import { createClient as createBareClient, type Client, type ClientOptions as BareClientOptions } from '@rpcxjs/client';
import { msgpack } from '@rpcxjs/codec-msgpack';
import { createServer as createBareServer, type Server, type ServerOptions as BareServerOptions } from '@rpcxjs/server';
import { tcp } from '@rpcxjs/transport-tcp';

export * from '@rpcxjs/core';
export { errorCategory, errorKind, failbackup, failfast, failover, failtry, isCanceled, isRemote, isTransient, isUnavailable, methodsOf, presets, wasSent } from '@rpcxjs/client';
export type {
  Batch, CallHandle, Client, ClientLimits, ClientStats, ErrorCategory, ErrorKind, FanOutOptions, HeaderContributor, InterfaceMethods, MessageFilters, PushInfo, Preset, Receipt, ServerMessage,
  ServiceOptions, StartOptions,
} from '@rpcxjs/client';
export { msgpack } from '@rpcxjs/codec-msgpack';
export type { RegisterOptions, Server, ServerLimits, ServerStats } from '@rpcxjs/server';
export { tcp } from '@rpcxjs/transport-tcp';

/** As of `@rpcxjs/client`, but what is left out is TCP and MessagePack, Go's default. */
export interface ClientOptions extends Omit<BareClientOptions, 'transports'> {
  /** @default tcp() */
  readonly transports?: BareClientOptions['transports'] | undefined;
}
/** As of `@rpcxjs/server`, but what is left out is TCP and MessagePack, Go's default. */
export type ServerOptions = BareServerOptions;

/** A client over TCP with MessagePack, unless the options say otherwise. Throws TypeError for options that cannot work. */
export function createClient(options: ClientOptions): Client {
  return createBareClient({ ...options, transports: options.transports ?? [tcp()], codecs: options.codecs ?? [msgpack] });
}

/** A server over TCP with MessagePack, unless the options say otherwise. Throws TypeError for options that cannot work. */
export function createServer(options: ServerOptions = {}): Server {
  return createBareServer({ ...options, transports: options.transports ?? [tcp()], codecs: options.codecs ?? [msgpack] });
}
