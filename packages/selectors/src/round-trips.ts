import type { ServiceInstance } from '@rpcxjs/core';

/** Measures the round trip to a server: milliseconds, or a rejection when it cannot be reached. It should give up by itself in a few seconds. */
export type RoundTripProbe = (instance: ServiceInstance) => Promise<number>;

export interface RoundTripSettings {
  readonly probe: RoundTripProbe;
  readonly intervalMs: number;
  readonly timeoutMs: number;
  readonly now: () => number;
}

const atOnce = 32;

/** One measurement of all servers. */
class Round {
  readonly instances: readonly ServiceInstance[];
  readonly weights: Map<string, number> = new Map();
  /** When servers that have not answered count as unreachable. */
  readonly endsAt: number;
  started = 0;

  constructor(instances: readonly ServiceInstance[], endsAt: number) {
    this.instances = instances;
    this.endsAt = endsAt;
  }
}

/**
 * The round trips to the servers of one service, as weights. It has no timer: whoever picks says what time it is, so that measuring ends with the picks, and
 * a server list that nobody uses costs nothing.
 */
export class RoundTrips {
  /** Grows whenever the weights change. */
  version = 0;
  readonly #settings: RoundTripSettings;
  #weights: ReadonlyMap<string, number> = new Map();
  #instances: readonly ServiceInstance[] = [];
  #round: Round | undefined;
  #dueAt = -Infinity;

  constructor(settings: RoundTripSettings) {
    this.#settings = settings;
  }

  /** undefined while it is not known. */
  weight(address: string): number | undefined {
    return this.#weights.get(address);
  }

  /** Measures a new list, as soon as the one that is being measured is done. */
  watch(instances: readonly ServiceInstance[]): void {
    this.#instances = instances;
    this.#dueAt = -Infinity;
    this.advance();
  }

  /** Begins and ends measurements whose time has come. */
  advance(): void {
    const now = this.#settings.now();
    const round = this.#round;
    if (round !== undefined) {
      if (now >= round.endsAt) this.#end(round);
      else return;
    }
    if (now < this.#dueAt || this.#instances.length === 0) return;
    this.#dueAt = now + this.#settings.intervalMs;
    const batches = Math.ceil(this.#instances.length / atOnce);
    const next = new Round(this.#instances, now + this.#settings.timeoutMs * batches);
    this.#round = next;
    for (let count = 0; count < atOnce; count++) void this.#probeNext(next);
  }

  async #probeNext(round: Round): Promise<void> {
    while (this.#round === round) {
      const instance = round.instances[round.started];
      if (instance === undefined) return;
      round.started += 1;
      round.weights.set(instance.address, await this.#measure(instance));
      if (this.#round === round && round.weights.size === round.instances.length) this.#end(round);
    }
  }

  async #measure(instance: ServiceInstance): Promise<number> {
    try {
      return roundTripWeight(await this.#settings.probe(instance));
    } catch {
      return 0; // unreachable
    }
  }

  #end(round: Round): void {
    this.#weights = new Map(round.instances.map(({ address }) => [address, round.weights.get(address) ?? 0]));
    this.#round = undefined;
    this.version += 1;
  }
}

/** rpcx's scale (`client/ping_utils.go`, CalculateWeight): 191 up to 10 ms, one less for each further one up to 200, 1 below a second, then 0. */
export function roundTripWeight(roundTripMs: number): number {
  const whole = Math.trunc(roundTripMs);
  if (!(roundTripMs >= 0) || whole >= 1000) return 0;
  return whole <= 10 ? 191 : whole <= 200 ? 201 - whole : 1;
}
