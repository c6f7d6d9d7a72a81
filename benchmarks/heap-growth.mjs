// P14: whether anything is kept for calls that are over. Both heaps after a forced collection at a million calls and at ten million.
import { peers } from './peers.mjs';
import { startClient, startServer } from './processes.mjs';

const first = 1_000_000;
const last = 10_000_000;

export async function heapGrowth({ progress }) {
  const run = { codec: 'msgpack', flags: ['--expose-gc'] };
  const server = await startServer(peers.rpcxjs.server(run));
  const client = startClient([...peers.rpcxjs.client(run), '--address', server.address]);
  let calls = 0;
  const until = async (goal) => {
    while (calls < goal) {
      const result = await client.ask(JSON.stringify({ inFlight: 100, seconds: 5, warmupSeconds: 0.1 }));
      if (result.errors > 0) throw new Error(`${result.errors} calls failed, the first with ${result.firstError}`);
      calls += result.totalCalls;
      progress(`${calls.toLocaleString('en')} calls`);
    }
    return { client: (await client.ask('memory')).heapUsed, server: (await server.child.ask('memory')).heapUsed };
  };
  try {
    const early = await until(first);
    const late = await until(last);
    return [{ client: (late.client - early.client) / 1e6, server: (late.server - early.server) / 1e6 }];
  } finally {
    await Promise.all([client.end(), server.child.end()]);
  }
}
