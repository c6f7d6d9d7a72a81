import { bytesCodec, jsonCodec, type Codec } from '@rpcxjs/core';
import { amounts, ByteBudget, defaultHeartbeat, FrameObserver, runtimeOf } from '@rpcxjs/session';
import { checkServer } from './composed-options.ts';
import { TurnTaking } from './turn-taking.ts';
import { UnreadBytes } from './unread-bytes.ts';
import { defaultServerLimits, type ResolvedServerOptions, type ServerOptions } from './server-options.ts';

/** Throws TypeError for settings that cannot work. */
export function resolveServerOptions(options: ServerOptions): ResolvedServerOptions {
  checkServer(options);
  const runtime = runtimeOf(options);
  const limits = amounts('limits', options.limits, defaultServerLimits);
  const heartbeat = amounts('heartbeat', options.heartbeat, defaultHeartbeat);
  const whenFull = options.whenFull ?? 'refuse';
  if (whenFull !== 'refuse' && whenFull !== 'pause') throw new TypeError(`whenFull is ${String(whenFull)}: it takes 'refuse' or 'pause'`);
  const registries = options.registries ?? [];
  const codecs = [...(options.codecs ?? [])];
  for (const codec of [jsonCodec, bytesCodec]) if (!codecs.some(({ id }) => id === codec.id)) codecs.push(codec);
  const plugins = options.plugins ?? [];
  return {
    transports: options.transports ?? [],
    codecs: byId('codec', codecs, 15),
    defaultCodec: codecs[0] as Codec,
    compressors: byId('compressor', options.compressors ?? [], 7),
    interceptors: [...plugins.flatMap(({ intercept }) => intercept ?? []), ...(options.intercept ?? [])],
    plugins,
    auth: options.auth,
    mapError: options.mapError,
    exposeMessages: options.exposeMessages ?? true,
    whenFull,
    registries,
    advertise: options.advertise === undefined ? {} : options.advertise,
    limits,
    session: {
      limits: { ...limits, frames: limits },
      heartbeat,
      budget: new ByteBudget(limits.maxBufferedBytes),
    },
    // Neither limit has to be finite.
    inflating: new TurnTaking(Math.max(4, Math.floor(limits.maxBufferedBytes / limits.maxInflatedBytes) || 0), runtime.clock),
    unread: new UnreadBytes(limits),
    runtime,
    frames: FrameObserver.of(plugins, runtime),
  };
}

function byId<T extends { readonly id: number; readonly name: string }>(kind: string, items: readonly T[], last: number): (T | undefined)[] {
  const table = new Array<T | undefined>(last + 1).fill(undefined);
  for (const item of items) {
    if (!Number.isInteger(item.id) || item.id < 0 || item.id > last) {
      throw new TypeError(`the ${kind} "${item.name}" has the number ${item.id}: rpcx has room for 0 to ${last}`);
    }
    if (table[item.id] !== undefined) throw new TypeError(`two ${kind}s have the number ${item.id}: "${table[item.id]?.name}" and "${item.name}"`);
    table[item.id] = item;
  }
  return table;
}
