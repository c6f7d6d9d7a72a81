import { failbackup, failfast, failover, failtry, type ClientOptions } from '@rpcxjs/client';
import { RpcError, type Discovery, type FailMode, type Pick, type Selector, type WatchOptions } from '@rpcxjs/core';
import { consistentHash, leastPending, powerOfTwo, random, roundRobin, sticky, weightedRoundRobin } from '@rpcxjs/selectors';
import type { WalkGround } from './walk-ground.ts';
import { WalkInterceptors } from './walk-interceptors.ts';
import type { WalkServers } from './walk-servers.ts';

/** The options of a walk's client, and what has to be known of them to judge it. */
export interface WalkOptions {
  readonly client: ClientOptions;
  /** What a call may take that says nothing else. */
  readonly usualMs: number;
  readonly list: WalkList;
  readonly picks: CountedPicks;
  /** A call that is not idempotent may run twice: the fail mode may, or an interceptor passes calls on twice. */
  readonly mayRunTwice: boolean;
  /** Interceptors pass calls on twice, so that what is told of one pass may not be true of the other. */
  readonly passesTwice: boolean;
  readonly intercepted: boolean;
}

/** A discovery whose list changes, and which fails at times. */
export class WalkList implements Discovery {
  watchers = 0;
  readonly #ground: WalkGround;
  readonly #names: readonly string[];
  readonly #wake = new Set<() => void>();
  #list: readonly string[];
  #version = 0;

  constructor(ground: WalkGround, names: readonly string[]) {
    this.#ground = ground;
    this.#names = names;
    this.#list = names.filter(() => ground.dice.chance(0.8));
  }

  change(): void {
    this.#list = this.#names.filter(() => this.#ground.dice.chance(0.7));
    this.#version += 1;
    for (const wake of this.#wake) wake();
  }

  async *watch(_service: string, { signal = new AbortController().signal }: WatchOptions): ReturnType<Discovery['watch']> {
    let go = (): void => {};
    const wake = (): void => go();
    this.#wake.add(wake);
    signal.addEventListener('abort', wake);
    this.watchers += 1;
    try {
      for (let seen = -1; !signal.aborted;) {
        if (seen === this.#version) {
          await new Promise<void>((resolve) => { go = resolve; });
          continue;
        }
        seen = this.#version;
        if (this.#ground.dice.chance(0.05)) throw new Error('the registry is away');
        yield this.#list.map((name) => ({ address: `memory@${name}`, metadata: {} }));
      }
    } finally {
      this.watchers -= 1;
      this.#wake.delete(wake);
      signal.removeEventListener('abort', wake);
    }
  }
}

/** Sees that a selector is told of the end of each of its picks, and once only. */
export class CountedPicks {
  readonly open = new Set<object>();
  readonly #ground: WalkGround;

  constructor(ground: WalkGround) {
    this.#ground = ground;
  }

  of(selector: Selector): Selector {
    return {
      name: selector.name,
      build: (instances) => {
        const picker = selector.build(instances, undefined);
        return { pick: (info) => { const pick = picker.pick(info); return pick === undefined ? undefined : this.#counted(pick); } };
      },
    };
  }

  #counted(pick: Pick): Pick {
    const token = {};
    this.open.add(token);
    return {
      instance: pick.instance,
      done: (outcome) => {
        if (!this.open.delete(token)) this.#ground.wrong('a selector was told twice of the end of a pick');
        pick.done?.(outcome);
      },
    };
  }
}

export function chooseOptions(ground: WalkGround, servers: WalkServers): WalkOptions {
  const { dice, clock, logger } = ground;
  const list = new WalkList(ground, servers.names);
  const picks = new CountedPicks(ground);
  const interceptors = new WalkInterceptors(ground);
  const retryUnsafe = dice.chance(0.15);
  const seeded = { random: dice.next };
  const selector = dice.one([undefined, roundRobin(), random(seeded), consistentHash(), leastPending(), powerOfTwo({ ...seeded, now: () => clock.now() }), sticky(random(seeded)), weightedRoundRobin()]);
  const intercept = interceptors.some();
  const plugins = interceptors.plugins();
  const usualMs = dice.one([10_000, 1000, 200, 30_000]);
  const client: ClientOptions = {
    transports: [servers.dialer()], clock, logger, intercept, plugins,
    failMode: failModeOf(ground, retryUnsafe),
    timeoutMs: usualMs,
    ...(dice.chance(0.5) ? { discovery: list } : { servers: servers.names.map((name) => `memory@${name}`) }),
    ...(selector === undefined ? {} : { selector: picks.of(selector) }),
    ...rulesOf(ground),
    ...(dice.chance(0.15) ? { filters: { outgoing: () => !dice.chance(0.05), incoming: () => (dice.chance(0.03) ? 'drop' : !dice.chance(0.03)) } } : {}),
    ...(dice.chance(0.2) ? { headers: [(metadata) => { if (dice.chance(0.03)) throw dice.one([new Error('no header today'), new RpcError('unavailable', 'no server of tokens')]); metadata['h'] = 'x'; }] } : {}),
  };
  const { passesTwice } = interceptors;
  return { client, usualMs, list, picks, passesTwice, mayRunTwice: retryUnsafe || passesTwice, intercepted: intercept.length + plugins.length > 0 };
}

function failModeOf({ dice }: WalkGround, retryUnsafe: boolean): FailMode {
  switch (dice.int(4)) {
    case 0: return failfast();
    case 1: return failover({ retries: dice.int(5), backoffMs: dice.int(100), retryUnsafe });
    case 2: return failtry({ retries: dice.int(4), retryUnsafe });
    default: return failbackup({ ...(dice.chance(0.7) ? { latencyMs: dice.int(100) } : {}), retries: dice.int(3), retryUnsafe });
  }
}

/** Health, pools, queues and whatever else has figures. */
function rulesOf({ dice }: WalkGround): Partial<ClientOptions> {
  const health = { consecutiveFailures: 1 + dice.int(5), ejectionMs: 100 + dice.int(5000), intervalMs: 500 + dice.int(5000), minimumCalls: 1 + dice.int(10), maxEjectedShare: dice.one([0, 0.3, 0.5, 1]) };
  const growing = { grow: 'busy', max: 4 + dice.int(3), busyAt: 1 + dice.int(4), idleMs: dice.one([0, 50, 1000]) } as const;
  return {
    ...(dice.chance(0.3) ? { health: false as const } : dice.chance(0.5) ? { health } : {}),
    ...(dice.chance(0.4) ? { retryBudget: { ratio: dice.one([0, 0.1, 1]), perSecond: dice.one([0, 1, 10]) } } : {}),
    ...(dice.chance(0.6)
      ? { pool: { connections: 1 + dice.int(3), ...(dice.chance(0.5) ? growing : {}), autoConnect: dice.chance(0.8), maxDials: 1 + dice.int(4), connectTimeoutMs: dice.one([50, 1000, 10_000]) } }
      : {}),
    ...(dice.chance(0.5)
      ? {
          queue: {
            max: dice.one([0, 1, 3, 100]), overflow: dice.one(['reject', 'drop-oldest', 'wait']), whileDown: dice.one(['fail', 'keep']),
            ...(dice.chance(0.2) ? { maxBytes: dice.one([1, 10, 100]) } : {}),
          },
        }
      : {}),
    ...(dice.chance(0.2) ? { outstanding: { max: 1 + dice.int(10) } } : {}),
    ...(dice.chance(0.3) ? { limits: { highWaterBytes: 200 } } : {}),
    ...(dice.chance(0.3) ? { reconnect: { initialMs: dice.int(200), spreadMs: dice.one([0, 100, 1500]), stableMs: dice.one([0, 1000, 5000]) } } : {}),
  };
}
