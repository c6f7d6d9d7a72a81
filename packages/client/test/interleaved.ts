import { rig } from './fake-server.ts';

/** Makes calls of 10 KB at once over a network that cuts everything into pieces; returns the numbers of those whose bytes are not their own. */
export async function interleaved(count: number, chunkBytes: number): Promise<number[]> {
  await using one = await rig({ timeoutMs: Infinity });
  one.server.network.change({ chunkBytes });
  const wrong: number[] = [];
  one.server.onCall = (call) => {
    const text = call.payload.toString();
    if (text.length !== 10_002 || new Set(text.slice(1, -1)).size !== 1) wrong.push(Number(call.sequence));
    one.server.reply(call, { payload: text[1] ?? '' });
  };
  const replies = await Promise.all(Array.from({ length: count }, (_, index) => one.client.call('S', 'M', String(index % 10).repeat(10_000))));
  replies.forEach((reply, index) => { if (reply !== index % 10) wrong.push(index); });
  return wrong;
}
