import type { Ear, Place } from './sides.ts';
import { until } from './sides.ts';

export interface BothWays {
  /** At the server and at the client. */
  readonly arrived: readonly number[];
  /** Bytes that were not what belongs there, and ends. */
  readonly errors: readonly string[];
}

/** Each byte says where it belongs; one that came early, late or twice is found. */
function byteAt(position: number): number {
  return (Math.imul(position >>> 2, 2_654_435_761) >>> ((position & 3) * 8)) & 0xff;
}

function checked(ear: Ear, who: string, errors: string[]): void {
  let at = 0;
  ear.onData = (chunk) => {
    for (let index = 0; index < chunk.length; index++) {
      if (chunk[index] !== byteAt(at + index) && errors.length < 5) errors.push(`${who}: byte ${at + index}`);
    }
    at += chunk.length;
  };
}

/** Writes as a session does: until it is told to wait, and again when there is room. */
async function send(ear: Ear, total: number): Promise<void> {
  for (let at = 0; at < total && ear.ends === 0; ) {
    const chunk = new Uint8Array(Math.min(65_536, total - at));
    for (let index = 0; index < chunk.length; index++) chunk[index] = byteAt(at + index);
    const drains = ear.drains;
    at += chunk.length;
    if (!ear.connection.write(chunk)) await until(() => ear.drains > drains || ear.ends > 0, 'drain', 120_000);
  }
}

/** Sends as many bytes in both directions at once, and checks each. */
export async function bothWays(client: Ear, place: Place, total: number): Promise<BothWays> {
  const errors: string[] = [];
  checked(client, 'client', errors);
  const sending = send(client, total);
  await until(() => place.accepted.length > 0, 'the connection was accepted');
  const [server] = place.accepted;
  if (server === undefined) throw new Error('no connection was accepted');
  checked(server, 'server', errors);
  await Promise.all([sending, send(server, total)]);
  await until(() => (server.bytes >= total && client.bytes >= total) || client.ends + server.ends > 0, 'all arrived', 600_000);
  if (client.ends + server.ends > 0) errors.push(`ended: ${String(client.reason ?? server.reason)}`);
  return { arrived: [server.bytes, client.bytes], errors };
}
