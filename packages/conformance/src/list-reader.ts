import { parseAddress, systemClock } from '@rpcxjs/core';
import type { Discovery, Logger, Runtime, ServiceInstance, Timer } from '@rpcxjs/core';
import { claim, ConformanceError } from './case.ts';
import { show } from './compare.ts';

type List = readonly ServiceInstance[];

/** A runtime that counts the timers which wait, so that a case can say who forgot one. */
export class CountingRuntime implements Runtime {
  readonly #armed = new Set<object>();
  readonly clock: Runtime['clock'] = {
    now: () => systemClock.now(),
    wallTime: () => systemClock.wallTime(),
    random: () => systemClock.random(),
    setTimer: (run, delayMs) => this.#arm(run, delayMs),
  };
  readonly logger: Logger = { debug() {}, info() {}, warn() {}, error() {}, child: () => this.logger };

  get armed(): number {
    return this.#armed.size;
  }

  #arm(run: () => void, delayMs: number): Timer {
    const mark = {};
    const timer = systemClock.setTimer(() => {
      this.#armed.delete(mark);
      run();
    }, delayMs);
    this.#armed.add(mark);
    return { cancel: () => {
      this.#armed.delete(mark);
      timer.cancel();
    } };
  }
}

/** Reads a discovery as fast as it speaks, checks each list, and can be waited on without polling. */
export class ListReader {
  readonly runtime: CountingRuntime = new CountingRuntime();
  readonly #patienceMs: number;
  readonly #controller = new AbortController();
  readonly #done: Promise<void>;
  #newest: List | undefined;
  #state: 'reading' | 'ended' | { readonly error: unknown } = 'reading';
  #wake: () => void = () => {};

  constructor(discovery: Discovery, service: string, patienceMs: number) {
    this.#patienceMs = patienceMs;
    this.#done = this.#read(discovery, service);
  }

  /** The first list for which it holds, the newest one included. Rejects when it does not come, or the discovery fails or ends before. */
  async until(what: string, holds: (list: List) => boolean): Promise<List> {
    let late = false;
    const timer = systemClock.setTimer(() => {
      late = true;
      this.#wake();
    }, this.#patienceMs);
    try {
      while (this.#newest === undefined || !holds(this.#newest)) {
        const last = this.#newest === undefined ? 'it said nothing' : `its last list was ${show(this.#newest)}`;
        claim(this.#state !== 'ended', `it ended before it said ${what}; ${last}`);
        if (this.#state !== 'reading') throw failure(this.#state.error);
        claim(!late, `it has not said ${what} (waited ${this.#patienceMs} ms); ${last}`);
        await new Promise<void>((resolve) => (this.#wake = resolve));
      }
      return this.#newest;
    } finally {
      timer.cancel();
    }
  }

  untilNames(...addresses: readonly string[]): Promise<List> {
    const wanted = [...addresses].sort().join(' ');
    return this.until(wanted === '' ? 'an empty list' : wanted, (list) => list.map(({ address }) => address).sort().join(' ') === wanted);
  }

  async close(): Promise<void> {
    this.#controller.abort();
    await this.#done;
    if (typeof this.#state === 'object' && this.#state.error !== this.#controller.signal.reason) throw failure(this.#state.error);
  }

  async #read(discovery: Discovery, service: string): Promise<void> {
    let atOnce = 0;
    let turn: Timer | undefined;
    try {
      for await (const list of discovery.watch(service, { signal: this.#controller.signal, runtime: this.runtime })) {
        checkList(list);
        // Timers, and so the deadlines of cases, have no turn while it goes on.
        turn ??= systemClock.setTimer(() => {
          atOnce = 0;
          turn = undefined;
        }, 0);
        claim(++atOnce < 10_000, 'it said 10 000 lists without a pause, in which nothing else can run: wait for a change, or for some time, before the next one');
        this.#newest = list;
        this.#wake();
      }
      this.#state = 'ended';
    } catch (error) {
      this.#state = { error };
    } finally {
      turn?.cancel();
    }
    this.#wake();
  }
}

function failure(error: unknown): ConformanceError {
  return error instanceof ConformanceError ? error : new ConformanceError(`it failed with ${show(error)} (${String(error)})`);
}

/** What every list must be: addresses in rpcx form, each once, and metadata of text. */
export function checkList(list: List): void {
  claim(Array.isArray(list), `it said ${show(list)}, which is no list`);
  const seen = new Set<string>();
  for (const instance of list) {
    const { address, metadata } = instance;
    claim(typeof address === 'string' && /^[^@]+@./.test(address), `it said the address ${show(address)}; rpcx writes network@host:port`);
    parseAddress(address);
    claim(!seen.has(address), `it said ${address} twice in one list; an address is an instance's identity`);
    seen.add(address);
    claim(typeof metadata === 'object' && metadata !== null, `the metadata of ${address} is ${show(metadata)}; write {} for none`);
    for (const [key, value] of Object.entries(metadata)) {
      const texts: readonly unknown[] = Array.isArray(value) ? value : [value];
      claim(texts.every((text) => typeof text === 'string'), `the metadata "${key}" of ${address} is ${show(value)}; values are text, or lists of text`);
    }
  }
}
