// The receiving half of a connection, for whoever writes a transport. An entry of its own, so that whoever only uses transports does not load it.
import type { ConnectionSink } from './transport.ts';

/**
 * What came through a connection and its sink has not got yet. It keeps to the rules of `ConnectionSink`: what comes before `start` or in a pause is kept,
 * `data` is called for one chunk after the other and never from inside itself, and `closed` comes once, after all that came before it.
 */
export class Inbox {
  #sink: ConnectionSink | undefined;
  #kept: Uint8Array[] = [];
  /** Whether the next chunk is delivered as it comes. */
  #flows = false;
  #paused = true;
  #delivers = false;
  #drops = false;
  #end: { readonly reason: Error | undefined } | undefined;
  #told = false;

  /** Also before `start`. */
  get paused(): boolean {
    return this.#paused;
  }

  /** Delivers what has come, and the end if that has come too. True if more may be read. A TypeError the second time. */
  start(sink: ConnectionSink): boolean {
    if (this.#sink !== undefined) throw new TypeError('start() was called twice; a connection has one sink');
    this.#sink = sink;
    return this.resume();
  }

  /**
   * `chunk` has come. It is only lent: what has to be kept is copied. Not to be called from inside `data`; two ends in one process, of which one may write there,
   * call it in a microtask.
   */
  receive(chunk: Uint8Array): void {
    if (this.#flows) this.#sink?.data(chunk);
    else if (!this.#drops && this.#end === undefined) this.#kept.push(new Uint8Array(chunk));
  }

  pause(): void {
    this.#paused = true;
    this.#flows = false;
  }

  /** Delivers what was kept; called from inside `data`, once that has returned. True if more may be read. */
  resume(): boolean {
    if (this.#sink === undefined || this.#told) return false;
    this.#paused = false;
    if (!this.#delivers) this.#deliver();
    return !this.paused && !this.#told;
  }

  /** Forgets what is kept, and all that still comes, as after `close()`; the end is still told. */
  drop(): void {
    this.#drops = true;
    this.#flows = false;
    this.#kept = [];
    this.#tell();
  }

  /** The connection has ended, `undefined` if the other side ended it cleanly. Told after what came before; the first end counts. */
  end(reason: Error | undefined): void {
    this.#end ??= { reason };
    this.#tell();
  }

  /** Drops what is kept, with an end that waits behind it, and tells this end at once, from inside `data` too, as `abort()` has to. */
  cut(reason: Error | undefined): void {
    if (this.#kept.length > 0) this.#end = undefined;
    this.#end ??= { reason };
    this.drop();
  }

  /** The connection can take more after `write` returned false. Not told after the end, nor after `drop`. */
  drain(): void {
    if (!this.#told && !this.#drops) this.#sink?.drain();
  }

  #deliver(): void {
    this.#flows = false;
    this.#delivers = true;
    let taken = 0;
    try {
      // By index: taking them off one by one is quadratic for many.
      for (let chunk = this.#kept[0]; chunk !== undefined && !this.#paused; chunk = this.#kept[taken]) {
        taken++;
        this.#sink?.data(chunk);
      }
    } finally {
      if (taken > 0) this.#kept.splice(0, taken);
      this.#delivers = false;
      this.#flows = !this.#paused && !this.#drops && this.#kept.length === 0;
    }
    this.#tell();
  }

  #tell(): void {
    if (this.#end === undefined || this.#told || this.#sink === undefined) return;
    // Also while the last of them is delivered.
    if (this.#kept.length > 0) return;
    this.#told = true;
    this.#flows = false;
    this.#sink.closed(this.#end.reason);
  }
}
