import { type Pick, type Picker, type PickInfo, type Selector, type ServiceInstance } from '@rpcxjs/core';
import { checkNames, described } from '@rpcxjs/core/options';
import { instanceWeight } from '@rpcxjs/core/discoveries';
import { MeasuredPick, NodeLatency, type LatencyScale } from './node-latency.ts';
import { ordered, unavoided } from './server-list.ts';

/** Milliseconds after which a server without calls gets one again: it may be quick by now, and only a call can tell. go-zero and Kratos wait as long. */
const idleMs = 1000;
/** If one server is so many times cheaper, weights no longer count: the other one is sick. */
const muchBetter = 8;

export interface PowerOfTwoOptions {
  /** Milliseconds in which an old latency fades to a third. @default 5000 */
  readonly decayMs?: number | undefined;
  /** Random numbers from 0 up to, but not including, 1. @default Math.random */
  readonly random?: (() => number) | undefined;
  /** Milliseconds of a clock that never goes back. @default performance.now */
  readonly now?: (() => number) | undefined;
}

/**
 * A selector that draws two servers, as often as metadata `weight` says, and takes the one where a call costs less: recent latency, peaks first, times the calls
 * in flight there for its weight. One that is drawn twice is taken unless it costs eight times as much as another. A failing server counts as a slow one; a new one gets a call at once, and counts as a usual one until that is answered. All is remembered when the list changes. Weight 0 takes a server out;
 * when all are 0, all are equal. A drawn server with no call in flight that got none for a second is asked whatever it costs. An error that does not speak against the server (see `sticky`) makes it no quicker than usual, and no slower than it took. Throws TypeError for a decay that is not above 0.
 */
export function powerOfTwo(options: PowerOfTwoOptions = {}): Selector {
  checkNames('powerOfTwo', options, ['decayMs', 'random', 'now']);
  const { decayMs = 5000 } = options;
  if (!(Number.isFinite(decayMs) && decayMs > 0)) throw new TypeError(`decayMs is ${described(decayMs)}: it takes milliseconds above 0`);
  const draw = options.random ?? Math.random;
  const now = options.now ?? (() => performance.now());
  return {
    name: 'power-of-two',
    build(instances, previous) {
      const before = previous instanceof PowerOfTwoPicker ? previous : undefined;
      return new PowerOfTwoPicker(ordered(instances), { draw, scale: before?.scale ?? { now, decayMs, usualMs: 0, lastAt: now() }, before });
    },
  };
}

class PowerOfTwoPicker implements Picker {
  readonly scale: LatencyScale;
  readonly #draw: () => number;
  /** Kept for servers out of the rotation too, because they may come back. */
  readonly #latencies: ReadonlyMap<string, NodeLatency>;
  readonly #picks: readonly MeasuredPick[];
  /** Sums of the weights up to each server; undefined when all are equal. */
  readonly #sums: Float64Array | undefined;

  constructor(instances: readonly ServiceInstance[], { draw, scale, before }: { draw: () => number; scale: LatencyScale; before: PowerOfTwoPicker | undefined }) {
    this.#draw = draw;
    this.scale = scale;
    this.#latencies = new Map(instances.map(({ address }) => [address, before?.latency(address) ?? new NodeLatency(scale)]));
    const weights = instances.map(instanceWeight);
    const used = instances.filter((_, index) => weights[index] !== 0);
    const usedWeights = used.length === 0 ? [] : weights.filter((weight) => weight !== 0);
    let sum = 0;
    for (const weight of usedWeights) sum += weight;
    const usual = sum / usedWeights.length;
    this.#picks = (used.length === 0 ? instances : used).map((instance, index) => new MeasuredPick(instance, this.latency(instance.address) as NodeLatency, usual / (usedWeights[index] ?? usual) || 1)); // each has a latency
    sum = 0;
    this.#sums = usedWeights.every((weight) => weight === usedWeights[0]) ? undefined : Float64Array.from(usedWeights, (weight) => (sum += weight));
  }

  latency(address: string): NodeLatency | undefined {
    return this.#latencies.get(address);
  }

  pick({ avoid }: PickInfo): Pick | undefined {
    const picks = avoid === undefined ? this.#picks : unavoided(this.#picks, avoid);
    const pick = picks.length < 2 ? picks[0] : this.#better(picks);
    if (pick !== undefined) pick.latency.pending += 1;
    return pick;
  }

  #better(picks: readonly MeasuredPick[]): MeasuredPick {
    const { length } = picks;
    const sums = picks === this.#picks ? this.#sums : undefined;
    const first = sums === undefined ? Math.floor(this.#draw() * length) : this.#weighted(sums);
    let second = sums === undefined ? first : this.#weighted(sums);
    const isTwice = sums !== undefined && second === first;
    if (second === first) second = (first + 1 + Math.floor(this.#draw() * (length - 1))) % length;
    const one = picks[first] as MeasuredPick; // within the list
    const other = picks[second] as MeasuredPick; // likewise
    // Under way is what was asked a moment ago: the clock costs as much as all the rest of a pick.
    const now = one.latency.pending > 0 || other.latency.pending > 0 ? this.scale.lastAt : this.scale.now();
    // A server that was drawn twice is taken unless it is much worse: otherwise the others would get more calls than their weights say.
    const better = other.score(now) * (isTwice ? muchBetter : 1) < one.score(now) ? other : one;
    const worse = better === one ? other : one;
    const pick = !isTwice && worse.latency.pending === 0 && now - worse.latency.pickedAt > idleMs ? worse : better;
    pick.latency.pickedAt = now;
    return pick;
  }

  /** The first server whose sum is above what was drawn. */
  #weighted(sums: Float64Array): number {
    let low = 0;
    let high = sums.length - 1;
    const drawn = this.#draw() * (sums[high] as number); // there are two servers at least
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((sums[middle] as number) > drawn) high = middle; // within the list
      else low = middle + 1;
    }
    return low;
  }
}
