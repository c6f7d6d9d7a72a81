import type { Pick, Picker, PickInfo, Selector } from '@rpcxjs/core';
import { checkNames, described } from '@rpcxjs/core/options';
import { RoundTrips, type RoundTripProbe } from './round-trips.ts';
import { picksOf } from './server-list.ts';
import { SmoothWheel } from './smooth-wheel.ts';

export interface WeightedByRoundTripOptions {
  /** Measures the round trip to a server: `tcpProbe()` of `@rpcxjs/selectors/tcp-probe`, or any function that pings it. */
  readonly probe: RoundTripProbe;
  /** Milliseconds from one measurement to the next, while calls are made. @default 60 000 */
  readonly intervalMs?: number | undefined;
  /** Milliseconds after which a probe that has not settled counts as unreachable. @default 5000 */
  readonly timeoutMs?: number | undefined;
  /** Milliseconds of a clock that never goes back. @default performance.now */
  readonly now?: (() => number) | undefined;
}

/**
 * A selector that takes the servers in turn, the nearer ones more often: weighted round robin on rpcx's scale, where the weight falls from 191 at 10 ms to 1 at 200 ms
 * (`client/ping_utils.go`). Measures when the list changes and from time to time while calls are made; no call waits for it. Until the first measurement
 * is done all are equal, a server that came since has the mean weight; one that cannot be reached has none, and when none can, all are equal again.
 */
export function weightedByRoundTrip(options: WeightedByRoundTripOptions): Selector {
  checkNames('weightedByRoundTrip', options, ['probe', 'intervalMs', 'timeoutMs', 'now']);
  const { probe, intervalMs = 60_000, timeoutMs = 5000, now = () => performance.now() } = options ?? {};
  if (typeof probe !== 'function') throw new TypeError("weightedByRoundTrip needs a probe: tcpProbe() of '@rpcxjs/selectors/tcp-probe', or a function (instance) => Promise of milliseconds");
  for (const [name, value] of Object.entries({ intervalMs, timeoutMs })) {
    if (typeof value !== 'number' || !(value > 0)) throw new TypeError(`${name} is ${described(value)}: it takes milliseconds above 0`);
  }
  return {
    name: 'weighted-by-round-trip',
    build(instances, previous) {
      const trips = previous instanceof RoundTripPicker ? previous.trips : new RoundTrips({ probe, intervalMs, timeoutMs, now });
      const picks = picksOf(instances);
      trips.watch(picks.map(({ instance }) => instance));
      return new RoundTripPicker(picks, trips);
    },
  };
}

class RoundTripPicker implements Picker {
  readonly trips: RoundTrips;
  readonly #picks: readonly Pick[];
  #wheel: SmoothWheel;
  #version: number;

  constructor(picks: readonly Pick[], trips: RoundTrips) {
    this.#picks = picks;
    this.trips = trips;
    this.#wheel = new SmoothWheel(this.#weights());
    this.#version = trips.version;
  }

  pick({ avoid }: PickInfo): Pick | undefined {
    const picks = this.#picks;
    if (picks.length < 2) return picks[0];
    this.trips.advance();
    if (this.#version !== this.trips.version) this.#weigh();
    if (avoid === undefined || avoid.size === 0) return picks[this.#wheel.next()];
    return picks[this.#wheel.nextBut((index) => avoid.has((picks[index] as Pick).instance.address))]; // within the list
  }

  #weigh(): void {
    const wheel = this.#wheel;
    this.#version = this.trips.version;
    this.#wheel = new SmoothWheel(this.#weights(), wheel.earned(), wheel.total);
  }

  #weights(): number[] {
    const known = this.#picks.map(({ instance }) => this.trips.weight(instance.address));
    const reachable = known.filter((weight): weight is number => weight !== undefined && weight > 0);
    const mean = reachable.length === 0 ? 1 : Math.max(1, Math.round(reachable.reduce((sum, weight) => sum + weight, 0) / reachable.length));
    return known.map((weight) => weight ?? mean);
  }
}
