import { flag } from '@rpcxjs/protocol';
import { seededRandom } from '@rpcxjs/testing';
import { rig, until } from './fake-server.ts';

export interface NoiseOutcome {
  /** Calls that got the reply of another. */
  readonly wrong: number;
  /** Replies that belong to nobody and were not counted as such. */
  readonly unnoticed: number;
  readonly active: number;
  readonly connections: number;
}

/** Makes so many calls, 200 at once, of a server that also answers calls that are over, calls twice, and calls that never were. */
export async function callThroughNoise(calls: number): Promise<NoiseOutcome> {
  await using one = await rig();
  const { server, client } = one;
  const random = seededRandom(7);
  const over: bigint[] = [];
  let noise = 0;
  const disturb = (sequence: bigint): void => {
    noise += 1;
    server.send({ sequence, flags: flag.response, payload: '"noise"' });
  };
  server.onCall = (call) => {
    server.received.length = 0;
    const fate = random();
    if (fate < 0.1 && over.length > 0) disturb(over[Math.floor(random() * over.length)] ?? 0n);
    if (fate > 0.95) disturb(call.sequence + BigInt(Math.floor(random() * 2 ** 40)) + BigInt(2 * calls));
    server.reply(call, { payload: call.payload });
    if (fate > 0.5 && fate < 0.55) disturb(call.sequence);
    if (over.length < 10_000) over.push(call.sequence);
  };
  let wrong = 0;
  for (let from = 0; from < calls; from += 200) {
    const replies = await Promise.all(Array.from({ length: 200 }, (_, index) => client.call('A', 'B', from + index)));
    for (const [index, reply] of replies.entries()) if (reply !== from + index) wrong += 1;
  }
  await until(() => client.stats().lateReplies >= noise);
  const { lateReplies, active, connections } = client.stats();
  return { wrong, unnoticed: noise - lateReplies, active, connections };
}
