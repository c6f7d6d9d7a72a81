import { BatchWriter } from '@rpcxjs/session';
import type { LinkRules } from './link-options.ts';
import type { OutboundCall } from './outbound-call.ts';

/** What became of a call that was to wait: it waits, it was refused, or it took the place of the calls in the list. */
export type Queued = 'waits' | 'refused' | readonly OutboundCall[];

/** The calls that wait for one server, in their order and not encoded. */
export class LinkQueue {
  readonly #rules: LinkRules['queue'];
  #calls: OutboundCall[] = [];
  #next = 0;
  /** Bytes of each waiting input, if bytes are limited. */
  #bytes: Map<OutboundCall, number> | undefined;
  #total = 0;
  /** How many refusals are left before the full queue is searched again for calls that are over: searching for each would cost more than the calls. */
  #lookLater = 0;

  constructor(rules: LinkRules['queue']) {
    this.#rules = rules;
    if (rules.maxBytes < Infinity) this.#bytes = new Map();
  }

  /** Calls that are over by now may be among them. */
  get isEmpty(): boolean {
    return this.#next >= this.#calls.length;
  }
  /** Calls that wait, without those that are over by now. Under 'wait' at most the size of the queue: the others wait to get into it. */
  get size(): number {
    return Math.min(this.#live(), this.#rules.overflow === 'wait' ? this.#rules.max : Infinity);
  }
  /** Bytes of their inputs, where those are limited. */
  get bytes(): number {
    return this.#total;
  }

  /** Throws what the codec throws, if bytes are limited. */
  add(call: OutboundCall): Queued {
    const { overflow } = this.#rules;
    const bytes = this.#bytes === undefined ? 0 : inputBytes(call);
    let displaced: OutboundCall[] | undefined;
    if (overflow !== 'wait' && !this.#hasRoom(bytes)) {
      if (overflow === 'reject' || call.kind === 'oneway' || bytes > this.#rules.maxBytes || this.#rules.max < 1) return 'refused';
      displaced = [];
      for (let oldest = this.take(); oldest !== undefined; oldest = this.take()) {
        displaced.push(oldest);
        if (this.#hasRoom(bytes)) break;
      }
    }
    if (this.#next > 1024 && this.#next * 2 > this.#calls.length) this.#compact();
    this.#calls.push(call);
    if (this.#bytes !== undefined) {
      this.#bytes.set(call, bytes);
      this.#total += bytes;
    }
    return displaced ?? 'waits';
  }

  /** The one that has waited longest. */
  take(): OutboundCall | undefined {
    while (this.#next < this.#calls.length) {
      const call = this.#calls[this.#next++] as OutboundCall; // below length
      this.#forget(call);
      if (isOver(call)) continue;
      if (this.#next >= this.#calls.length) this.#reset();
      return call;
    }
    this.#reset();
    return undefined;
  }

  /** All of them, and none is left. */
  takeAll(): OutboundCall[] {
    const calls = this.#calls.slice(this.#next).filter((call) => !isOver(call));
    this.#reset();
    this.#bytes?.clear();
    this.#total = 0;
    return calls;
  }

  #reset(): void {
    if (this.#calls.length === 0) return;
    this.#calls = [];
    this.#next = 0;
  }

  #hasRoom(bytes: number): boolean {
    const { max, maxBytes } = this.#rules;
    if (this.#calls.length - this.#next < max && this.#total + bytes <= maxBytes) return true;
    if (this.#lookLater > 0) {
      this.#lookLater -= 1;
      return false;
    }
    const live = this.#live();
    if (live < max && this.#total + bytes <= maxBytes) return true;
    this.#lookLater = live >> 4;
    return false;
  }

  #live(): number {
    if (this.#bytes !== undefined) for (const call of this.#bytes.keys()) if (isOver(call)) this.#forget(call);
    this.#compact((call) => !isOver(call));
    return this.#calls.length;
  }
  #compact(keep: (call: OutboundCall) => boolean = () => true): void {
    this.#calls = this.#calls.slice(this.#next).filter(keep);
    this.#next = 0;
  }

  #forget(call: OutboundCall): void {
    if (this.#bytes === undefined) return;
    this.#total -= this.#bytes.get(call) ?? 0;
    this.#bytes.delete(call);
  }
}

/** Whether nobody waits for the call any more; true also for a second attempt whose rival has won. */
export function isOver(call: OutboundCall): boolean {
  return call.settled || call.main.settled;
}

function inputBytes(call: OutboundCall): number {
  if (call.raw !== undefined) return call.raw.payload.length;
  const apart = new BatchWriter();
  call.binding.input.encode(call.input, apart);
  return apart.finish().length;
}
