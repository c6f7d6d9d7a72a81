import { type GoListener, startListener } from './dialogue.ts';
import { GoCaller } from './go-caller.ts';
import type { GoTally } from './go-client.ts';
import { buildGoKcpPrograms } from './go-programs.ts';

/** How a Go peer speaks KCP. Its key is derived from `rpcx-key` and `rpcx-salt`, as in the rpcx example. */
export interface GoKcpOptions {
  /** kcp-go's name. @default 'aes-256' */
  readonly cipher?: string;
  readonly password?: string;
  /** Acknowledges without delay and in stream mode, as the rpcx example does. */
  readonly tuned?: boolean;
  /** kcp-go's fastest settings, and windows of 1024 segments. */
  readonly fast?: boolean;
}

export interface GoKcpClientOptions extends GoKcpOptions {
  /** rpcx form. */
  readonly address: string;
  /** Go duration. @default none are sent */
  readonly heartbeat?: string;
}

/** With how many lost segments kcp-go made again from parity since the process began. */
export interface GoKcpTally extends GoTally {
  readonly recovered: number;
}

/** Starts a Go rpcx server over KCP, with Arith.Mul and Bytes.Echo, and waits until it listens; without an address on a free port. */
export async function startGoKcpServer(options: GoKcpOptions = {}, address = 'kcp@127.0.0.1:0'): Promise<GoListener> {
  const built = await buildGoKcpPrograms();
  if (built.missing !== undefined) throw new Error(built.missing);
  return startListener(built.server, ['-address', hostOf(address), ...flagsOf(options)], 'kcp');
}

/** Starts a Go rpcx client over KCP. Resolves when it has made its sockets; KCP asks nobody. */
export async function startGoKcpClient({ address, heartbeat = '0s', ...options }: GoKcpClientOptions): Promise<GoCaller<GoKcpTally>> {
  const built = await buildGoKcpPrograms();
  if (built.missing !== undefined) throw new Error(built.missing);
  return GoCaller.start(built.client, ['-address', hostOf(address), '-heartbeat', heartbeat, ...flagsOf(options)]);
}

function hostOf(address: string): string {
  return address.slice(address.indexOf('@') + 1);
}

function flagsOf({ cipher = 'aes-256', password = 'rpcx-key', tuned = false, fast = false }: GoKcpOptions): string[] {
  return ['-cipher', cipher, '-password', password, `-tuned=${tuned}`, `-fast=${fast}`];
}
