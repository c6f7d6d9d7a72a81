/** What came of the calls of one server since servers were compared last. */
export interface Tally {
  readonly answered: number;
  readonly failed: number;
}

export interface OutlierRule {
  readonly minimumCalls: number;
  readonly leastGap: number;
  readonly deviations: number;
}

/**
 * Which of the servers fail clearly more often than the others, as indexes: the success rate is below the median of the peers' by
 * `leastGap` and by so many `deviations`, of what the peers' rates spread and of what chance does to so few calls.
 *
 * gRPC's rule (A50) compares with the mean and deviation of all servers, the bad one included. That makes the distance of a single bad one √(n-1)
 * deviations however bad it is: out of reach below five servers, a matter of luck at five. The peers' median needs two.
 */
export function outliers(tallies: readonly Tally[], rule: OutlierRule): number[] {
  const known = tallies.map((tally, index) => ({ index, calls: tally.answered + tally.failed, rate: tally.answered / (tally.answered + tally.failed) }));
  const enough = known.filter(({ calls }) => calls > 0 && calls >= rule.minimumCalls);
  if (enough.length < 2) return [];
  const sorted = Float64Array.from(enough, ({ rate }) => rate).sort();
  return enough.filter(({ rate, calls }) => rate < worstExpected(withoutOne(sorted, rate), calls, rule)).map(({ index }) => index);
}

function worstExpected(peers: Float64Array, calls: number, { leastGap, deviations }: OutlierRule): number {
  const usual = median(peers);
  const spread = 1.4826 * median(peers.map((rate) => Math.abs(rate - usual)).sort());
  // As if two more calls had succeeded and two more had failed: of few calls, all of which succeeded, little is known (Agresti and Coull).
  const likely = (usual * calls + 2) / (calls + 4);
  const chance = Math.sqrt((likely * (1 - likely)) / calls);
  return usual - Math.max(leastGap, deviations * Math.max(spread, chance));
}

function withoutOne(sorted: Float64Array, value: number): Float64Array {
  const at = sorted.indexOf(value);
  const rest = new Float64Array(sorted.length - 1);
  rest.set(sorted.subarray(0, at));
  rest.set(sorted.subarray(at + 1), at);
  return rest;
}

function median(sorted: Float64Array): number {
  const middle = sorted.length >> 1;
  const upper = sorted[middle] as number; // never empty
  return sorted.length % 2 === 1 ? upper : (upper + (sorted[middle - 1] as number)) / 2;
}
