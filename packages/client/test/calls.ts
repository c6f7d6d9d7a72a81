import { jsonCodec, type CallOptions, type Dialer, type RpcError } from '@rpcxjs/core';
import { ClientBinding } from '../src/client-binding.ts';
import type { ClientOptions, ResolvedClientOptions } from '../src/client-options.ts';
import { resolveClientOptions } from '../src/resolved-options.ts';
import { OutboundCall, type CallKind, type CallOwner } from '../src/outbound-call.ts';
import { RetryBudget } from '../src/retry-budget.ts';
import { ServerLink, type LinkEvents } from '../src/server-link.ts';
import { recordingLogger, until } from './fake-server.ts';

/** How calls ended, in words. */
export interface Told {
  readonly succeeded: string[];
  readonly failed: { readonly method: string; readonly error: RpcError<string> }[];
  readonly order: string[];
  late: number;
  pushed: number;
  ended: number;
}

const unused: Dialer = { networks: ['memory'], dial: () => Promise.reject(new Error('nobody should be dialled')) };

export function options(given: Partial<ClientOptions>): ResolvedClientOptions {
  return resolveClientOptions({ servers: 'memory@fake', transports: [unused], logger: recordingLogger(), ...given });
}

/** A call that belongs to no client. */
export function call(owned: ResolvedClientOptions, method: string, init: { readonly input?: unknown; readonly kind?: CallKind; readonly options?: CallOptions } = {}): OutboundCall {
  const never = (): never => { throw new Error('this call has no client'); };
  const owner: CallOwner = { clock: owned.runtime.clock, expired: never, derive: never };
  const codec = owned.codecs[0] ?? jsonCodec;
  const one = new OutboundCall(owner, { binding: new ClientBinding({ service: 'S', method, codec }), route: { budget: new RetryBudget(owned.retryBudget, owned.runtime.clock), send: never, ended: never, hasOther: never, avoided: never } }, init.input ?? null, init.options);
  one.kind = init.kind ?? 'value';
  return one;
}

/** What a client would be told. */
export function listener(): { readonly told: Told; readonly events: LinkEvents } {
  const told: Told = { succeeded: [], failed: [], order: [], late: 0, pushed: 0, ended: 0 };
  const events: LinkEvents = {
    succeeded(one, value) {
      one.settled = true;
      told.order.push(one.method);
      told.succeeded.push(`${one.method} ${JSON.stringify(value)}`);
    },
    failed(one, error) {
      one.settled = true;
      told.order.push(one.method);
      told.failed.push({ method: one.method, error });
    },
    pushed: () => void (told.pushed += 1),
    late: () => void (told.late += 1),
    ended: () => void (told.ended += 1),
    draining() {},
    slow() {},
  };
  return { told, events };
}

export interface LinkRig {
  readonly link: ServerLink;
  readonly told: Told;
  readonly options: ResolvedClientOptions;
  send(method: string, init?: Parameters<typeof call>[2]): OutboundCall;
  /** Waits until so many calls have ended. */
  ended(count: number): Promise<void>;
}

/** A link without a client. */
export function openLink(given: Partial<ClientOptions>, more: Partial<ResolvedClientOptions> = {}): LinkRig {
  const resolved = { ...options(given), ...more };
  const { told, events } = listener();
  const link = new ServerLink('memory@fake', resolved, events);
  const send = (method: string, init: Parameters<typeof call>[2] = {}): OutboundCall => {
    const one = call(resolved, method, init);
    link.send(one, resolved.runtime.clock.now());
    return one;
  };
  return { link, told, options: resolved, send, ended: (count) => until(() => told.order.length >= count) };
}
