import { readUtf8 } from '@rpcxjs/core';
import type { FrameView } from '@rpcxjs/protocol';
import type { MethodEntry } from './method-entry.ts';

const recentSlots = 64;

/** The registered methods, by service path and method: two maps, so that `A.B`/`C` and `A`/`B.C` stay apart (rpcx joins them with a dot). */
export class ServiceTable {
  readonly #services = new Map<string, Map<string, MethodEntry>>();
  /** Handlers for all other methods of a service. */
  readonly #fallbacks = new Map<string, (method: string) => MethodEntry>();
  // The methods called last, found by comparing bytes, so that names seen before need no text.
  #recent: (MethodEntry | undefined)[] = new Array<undefined>(recentSlots).fill(undefined);

  get services(): IterableIterator<string> {
    return new Set([...this.#services.keys(), ...this.#fallbacks.keys()]).values();
  }
  methods(service: string): string[] {
    return [...(this.#services.get(service)?.keys() ?? [])];
  }
  entries(service: string): MethodEntry[] {
    return [...(this.#services.get(service)?.values() ?? [])];
  }

  /** Replaces the whole service, as Go does. */
  replace(service: string, entries: readonly MethodEntry[]): void {
    this.#services.set(service, new Map(entries.map((entry) => [entry.method, entry])));
    this.#forget();
  }
  add(entry: MethodEntry): void {
    let methods = this.#services.get(entry.service);
    if (methods === undefined) this.#services.set(entry.service, (methods = new Map()));
    methods.set(entry.method, entry);
    this.#forget();
  }
  addFallback(service: string, make: (method: string) => MethodEntry): void {
    this.#fallbacks.set(service, make);
    this.#forget();
  }
  remove(service: string): boolean {
    const known = this.#services.delete(service);
    const answering = this.#fallbacks.delete(service);
    this.#forget();
    return known || answering;
  }

  has(service: string): boolean {
    return this.#services.has(service) || this.#fallbacks.has(service);
  }
  find(service: string, method: string): MethodEntry | undefined {
    return this.#services.get(service)?.get(method) ?? this.#fallbacks.get(service)?.(method);
  }

  lookup(frame: FrameView): MethodEntry | undefined {
    const slot = slotOf(frame);
    const recent = this.#recent[slot];
    if (recent?.matches(frame) === true) return recent;
    const { bytes } = frame;
    const service = readUtf8(bytes, frame.serviceStart, frame.serviceEnd);
    const method = readUtf8(bytes, frame.methodStart, frame.methodEnd);
    const entry = this.find(service, method);
    // Malformed UTF-8 reads as U+FFFD, which a name may contain: only the exact bytes pass.
    if (entry === undefined || !entry.matches(frame)) return undefined;
    if (this.#services.get(service)?.get(method) === entry) this.#recent[slot] = entry;
    return entry;
  }

  #forget(): void {
    this.#recent = new Array<undefined>(recentSlots).fill(undefined);
  }
}

function slotOf(frame: FrameView): number {
  const { bytes, serviceEnd, methodStart, methodEnd } = frame;
  const last = methodEnd > methodStart ? (bytes[methodEnd - 1] as number) : 0;
  const first = methodEnd > methodStart ? (bytes[methodStart] as number) : 0;
  const service = serviceEnd > frame.serviceStart ? (bytes[serviceEnd - 1] as number) : 0;
  return (last * 7 + first * 3 + service * 5 + (methodEnd - methodStart)) & (recentSlots - 1);
}
