import { type GoListener, startListener } from './dialogue.ts';
import { GoCaller } from './go-caller.ts';
import { buildGoQuicPrograms } from './go-programs.ts';

export interface GoQuicServerOptions {
  /** PEM files; with `ca` it asks for a client certificate. */
  readonly cert: string;
  readonly key: string;
  readonly ca?: string;
  /** `host:port`. @default '127.0.0.1:0', a free port */
  readonly address?: string;
}

export interface GoQuicClientOptions {
  /** rpcx form. */
  readonly address: string;
  /** PEM files. Without `ca` it trusts whoever answers. */
  readonly ca?: string;
  /** The name that the server's certificate must have. @default 'localhost' */
  readonly name?: string;
  readonly cert?: string;
  readonly key?: string;
}

/** Starts a Go rpcx server over QUIC, with Arith.Mul and Bytes.Echo, and waits until it listens. */
export async function startGoQuicServer({ cert, key, ca = '', address = '127.0.0.1:0' }: GoQuicServerOptions): Promise<GoListener> {
  const built = await buildGoQuicPrograms();
  if (built.missing !== undefined) throw new Error(built.missing);
  return startListener(built.server, ['-address', address, '-cert', cert, '-key', key, '-ca', ca], 'quic');
}

/** Starts a Go rpcx client over QUIC. Resolves when its connections are open. */
export async function startGoQuicClient({ address, ca = '', name = 'localhost', cert = '', key = '' }: GoQuicClientOptions): Promise<GoCaller> {
  const built = await buildGoQuicPrograms();
  if (built.missing !== undefined) throw new Error(built.missing);
  return GoCaller.start(built.client, ['-address', address.slice(address.indexOf('@') + 1), '-ca', ca, '-name', name, '-cert', cert, '-key', key]);
}
