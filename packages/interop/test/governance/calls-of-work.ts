import { type Client, type ClientOptions, createClient } from '@rpcxjs/rpcx';
import { Work } from '../../src/index.ts';

/** A client of a fleet, with the usual set: TCP, msgpack, the better one of two servers. */
export function clientOf(options: ClientOptions): Client {
  return createClient(options);
}

/** A handler's time that differs from call to call and is the same in each run: `from` to `to` milliseconds. */
export function between(from: number, to: number, id: number): number {
  return from + ((id * 2_654_435_761) >>> 8) % (to - from + 1);
}

export interface WorkCallOptions {
  /** How long the handler takes. */
  readonly ms: (id: number) => number;
  readonly kind?: 'Read' | 'Write';
  readonly timeoutMs?: number;
}

/** A call for a load that looks at its reply: an answer to another call is an error of its own. Without a kind, reads and writes by turns. */
export function callsOf(client: Client, { ms, kind, timeoutMs }: WorkCallOptions): (id: number) => Promise<string> {
  const work = client.service(Work);
  return async (id) => {
    const method = kind ?? (id % 2 === 0 ? 'Read' : 'Write');
    const reply = await work[method]({ Id: id, Ms: ms(id) }, timeoutMs === undefined ? {} : { timeoutMs });
    if (reply.Id !== id) throw new Error(`call ${id} got the answer to ${reply.Id}`);
    return reply.From;
  };
}
