import { systemClock } from '@rpcxjs/core';
import { claim, ConformanceError } from './case.ts';
import { show } from './compare.ts';

type Content = ReadonlyMap<string, string>;

/** Reads a watch of a key-value store as fast as it speaks, and can be waited on without polling. */
export class ContentReader {
  readonly #prefix: string;
  readonly #patienceMs: number;
  readonly #controller = new AbortController();
  readonly #done: Promise<void>;
  #newest: Content | undefined;
  #state: 'reading' | 'ended' | { readonly error: unknown } = 'reading';
  #wake: () => void = () => {};

  constructor(watch: (signal: AbortSignal) => AsyncIterable<Content>, prefix: string, patienceMs: number) {
    this.#prefix = prefix;
    this.#patienceMs = patienceMs;
    this.#done = this.#read(watch);
  }

  /** Settles when the newest content is this one; rejects when it does not become so in time, or the watch fails or ends before. */
  async until(wanted: Readonly<Record<string, string>>): Promise<void> {
    const keys = Object.keys(wanted);
    let late = false;
    const timer = systemClock.setTimer(() => {
      late = true;
      this.#wake();
    }, this.#patienceMs);
    try {
      for (;;) {
        const newest = this.#newest;
        if (newest !== undefined && newest.size === keys.length && keys.every((key) => newest.get(key) === wanted[key])) return;
        const last = newest === undefined ? 'it said nothing' : `the last it said was ${show([...newest])}`;
        claim(this.#state !== 'ended', `watch() ended before it said ${show(Object.entries(wanted))}; ${last}`);
        if (typeof this.#state === 'object') throw failure(this.#state.error);
        claim(!late, `watch() has not said ${show(Object.entries(wanted))} (waited ${this.#patienceMs} ms); ${last}`);
        await new Promise<void>((resolve) => (this.#wake = resolve));
      }
    } finally {
      timer.cancel();
    }
  }

  /** Settles when it has ended by itself, with or without an error. */
  ended(): Promise<void> {
    return this.#done;
  }

  /** Aborts, and waits for the end. A watch that had failed before has done so for a reason of the case. */
  async close(): Promise<void> {
    const open = this.#state === 'reading';
    this.#controller.abort();
    await this.#done;
    if (open && typeof this.#state === 'object' && this.#state.error !== this.#controller.signal.reason) throw failure(this.#state.error);
  }

  async #read(watch: (signal: AbortSignal) => AsyncIterable<Content>): Promise<void> {
    try {
      for await (const content of watch(this.#controller.signal)) {
        claim(content instanceof Map, `watch() said ${show(content)}; it says a Map of keys and values`);
        for (const key of content.keys()) claim(key.startsWith(this.#prefix), `watch() of ${this.#prefix} said the key ${show(key)}`);
        this.#newest = content;
        this.#wake();
      }
      this.#state = 'ended';
    } catch (error) {
      this.#state = { error };
    }
    this.#wake();
  }
}

function failure(error: unknown): ConformanceError {
  return error instanceof ConformanceError ? error : new ConformanceError(`watch() failed with ${show(error)} (${String(error)})`);
}
