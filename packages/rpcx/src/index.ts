import { createClient as createBareClient, type Client, type ClientOptions as BareClientOptions } from '@rpcxjs/client';
import { msgpack } from '@rpcxjs/codec-msgpack';
import type { Selector } from '@rpcxjs/core';
import { refuse } from '@rpcxjs/core/options';
import { powerOfTwo, weightedByRoundTrip as weightedByMeasured, type WeightedByRoundTripOptions } from '@rpcxjs/selectors';
import { tcpProbe } from '@rpcxjs/selectors/tcp-probe';
import { createServer as createBareServer, type Server, type ServerOptions as BareServerOptions } from '@rpcxjs/server';
import { tcp } from '@rpcxjs/transport-tcp';

export * from '@rpcxjs/core';
export * from '@rpcxjs/core/discoveries';
export * from '@rpcxjs/client';
export { msgpack } from '@rpcxjs/codec-msgpack';
export { inprocess } from '@rpcxjs/registry-inprocess';
export type { InProcessRegistry } from '@rpcxjs/registry-inprocess';
export * from '@rpcxjs/selectors';
export * from '@rpcxjs/server';
export { tcp } from '@rpcxjs/transport-tcp';

/** The options of `@rpcxjs/client`, with defaults for transports (TCP), codecs (MessagePack, Go's default) and the selector (the better of two random servers). */
export interface ClientOptions extends Omit<BareClientOptions, 'transports' | 'selector'> {
  /** @default tcp() */
  readonly transports?: BareClientOptions['transports'] | undefined;
  /** Chooses among several servers. @default powerOfTwo() */
  readonly selector?: BareClientOptions['selector'] | undefined;
}
/** The options of `@rpcxjs/server`, with defaults for transports (TCP) and codecs (MessagePack, Go's default). */
export type ServerOptions = BareServerOptions;

/** A client over TCP with MessagePack, unless the options say otherwise. Throws TypeError for invalid options. */
export function createClient(options: ClientOptions): Client {
  checkObject('createClient', options, "options, for example { servers: 'tcp@127.0.0.1:8972' }");
  const { transports = [tcp()], codecs = [msgpack], selector = powerOfTwo() } = options;
  return createBareClient({ ...options, transports, codecs, selector });
}

/** A server over TCP with MessagePack, unless the options say otherwise. Throws TypeError for invalid options. */
export function createServer(options: ServerOptions = {}): Server {
  checkObject('createServer', options, "options, or nothing; an address is for server.listen('tcp@127.0.0.1:8972')");
  return createBareServer({ ...options, transports: options.transports ?? [tcp()], codecs: options.codecs ?? [msgpack] });
}

/** The selector of `@rpcxjs/selectors` with a default probe, which opens a TCP connection instead of sending a ping, since that needs privileges. Throws TypeError for invalid options. */
export function weightedByRoundTrip(options: Partial<WeightedByRoundTripOptions> = {}): Selector {
  return weightedByMeasured({ probe: tcpProbe(), ...options });
}

function checkObject(factory: string, options: unknown, takes: string): void {
  if (typeof options !== 'object' || options === null) refuse(`what ${factory} got`, options, takes);
}
