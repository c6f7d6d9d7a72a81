// Interleaved rounds: every candidate of a group runs once a round, next to its peers, so that a slow minute of the machine is everybody's.
import { peers } from './peers.mjs';
import { startPair } from './processes.mjs';

/** Starts all runs of a group, warms them up, measures `rounds` times; gives one map of results (run name to result) a round. */
export async function measureRounds(runs, { rounds, seconds, warmupSeconds, free, progress }) {
  const started = [];
  try {
    for (const [name, run] of Object.entries(runs)) {
      const peer = peers[run.peer];
      started.push({ name, run, pair: await startPair({ server: peer.server(run), client: peer.client(run), free }) });
    }
    for (const each of started) {
      await ask(each, { seconds: 0.2, warmupSeconds: peers[each.run.peer].warmupSeconds ?? warmupSeconds }, progress, 'warm-up');
    }
    const results = [];
    for (let round = 0; round < rounds; round++) {
      const order = round % 2 === 0 ? started : [...started].reverse();
      const result = {};
      for (const each of order) result[each.name] = await ask(each, { seconds, warmupSeconds: 0.15 }, progress, `round ${round + 1}/${rounds}`);
      results.push(result);
    }
    return results;
  } finally {
    await Promise.all(started.map(({ pair }) => pair.end()));
  }
}

async function ask({ name, run, pair }, times, progress, what) {
  const result = await pair.run({ inFlight: run.inFlight, ...times });
  progress(`${what}, ${name}: ${Math.round(result.callsPerSecond).toLocaleString('en')} calls/s`);
  if (result.errors > 0) throw new Error(`${name}: ${result.errors} calls failed, the first with ${result.firstError}`);
  return result;
}
