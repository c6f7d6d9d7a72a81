import { RpcError } from '@rpcxjs/core';
import type { Acceptor, Address, Connection, ConnectionSink, Dialer, DialOptions, Listener, ListenOptions, Timer } from '@rpcxjs/core';

/** What a loopback can be made to do wrong, one defect for each rule. */
export type Defect =
  | 'keeps the memory of the writer' | 'swaps pieces' | 'loses empty-handed' | 'drops what comes before start' | 'piles up before start' | 'end overtakes bytes' | 'ignores pause'
  | 'loses bytes on pause' | 'never says wait' | 'never drains' | 'counts what has arrived' | 'one queue for all' | 'foreign network' | 'cuts on close'
  | 'ignores the end of the other side' | 'reports an end twice' | 'close waits for start' | 'forgets the reason' | 'abort is an end' | 'silent abort'
  | 'delivers after abort' | 'throws after the end' | 'counts after the end' | 'no network' | 'lies about its address' | 'listener takes its connections along'
  | 'listener stays' | 'plain error' | 'pretends to have sent' | 'two listeners' | 'dials in spite of the signal' | 'ignores a signal on the way' | 'keeps looking at the signal'
  | 'listens in spite of the signal' | 'writes into the options' | 'leaves a timer' | 'keeps what it dialled in vain';

/** For the test that saw them to cancel. */
export const leftTimers: Timer[] = [];

const capacity = 64 * 1024;
const shared: { side: Side | undefined } = { side: undefined };

class Side implements Connection {
  readonly local: Address;
  readonly remote: Address;
  peer!: Side;
  queue: (Uint8Array | 'end')[] = [];
  queued = 0;
  late = 0;
  sink: ConnectionSink | undefined;
  over = false;
  ending = false;
  paused = false;
  waiting = false;
  settle: () => void = () => {};
  readonly done: Promise<void> = new Promise((resolve) => (this.settle = resolve));
  readonly #defect: Defect | undefined;

  constructor(address: Address, defect: Defect | undefined) {
    this.#defect = defect;
    this.local = this.remote = defect === 'foreign network' ? { network: 'elsewhere', host: 'x' } : address;
  }

  get bufferedBytes(): number {
    if (this.#defect === 'counts what has arrived') return this.late;
    if (this.#defect === 'piles up before start' && this.peer.sink === undefined) return 0;
    return Math.max(0, this.peer.queued - capacity) + (this.#defect === 'counts after the end' ? this.late : 0);
  }

  start(sink: ConnectionSink): void {
    if (this.#defect === 'drops what comes before start') this.queue = this.queue.filter((item) => item === 'end');
    this.sink = sink;
    if (this.over) sink.closed(new Error('over before the start'));
    else this.wake();
  }

  write(chunk: Uint8Array): boolean {
    if (this.over || this.ending) {
      if (this.#defect === 'throws after the end') throw new Error('write after end');
      if (this.#defect === 'counts after the end') this.late += chunk.length;
      return false;
    }
    const to = this.#defect === 'one queue for all' ? (shared.side ??= this.peer) : this.peer;
    const piece = this.#defect === 'keeps the memory of the writer' ? chunk : new Uint8Array(chunk);
    if (this.#defect === 'swaps pieces' && to.queue.length > 1) to.queue.splice(-1, 0, piece);
    else if (chunk.length > 0) to.queue.push(piece);
    to.queued += chunk.length;
    this.late += chunk.length;
    if (chunk.length === 0 && this.#defect === 'loses empty-handed') return undefined as unknown as boolean;
    to.wake();
    this.waiting = this.bufferedBytes > 0;
    return !this.waiting || this.#defect === 'never says wait';
  }

  pause(): void {
    this.paused = this.#defect !== 'ignores pause';
    if (this.#defect === 'loses bytes on pause') this.queue = this.queue.slice(1);
  }

  resume(): void {
    this.paused = false;
    this.wake();
  }

  close(): Promise<void> {
    if (this.#defect === 'close waits for start' && this.sink === undefined) return new Promise(() => {});
    if (!this.over && !this.ending) this.end();
    return this.done;
  }

  end(): void {
    this.ending = true;
    if (this.#defect === 'cuts on close') this.peer.queue = [];
    if (this.#defect === 'end overtakes bytes') this.peer.queue.unshift('end');
    else this.peer.queue.push('end');
    this.peer.wake();
    this.wake();
  }

  abort(reason?: Error): void {
    if (this.over) return;
    const heard = this.#defect === 'forgets the reason' ? new Error('aborted') : (reason ?? new Error('aborted'));
    this.peer.queue = [];
    this.finish(reason === undefined && this.#defect === 'abort is an end' ? undefined : heard);
    if (this.#defect === 'silent abort') return;
    queueMicrotask(() => this.peer.finish(this.#defect === 'abort is an end' ? undefined : new Error('cut by the other side')));
  }

  finish(reason: Error | undefined): void {
    if (this.over) return;
    this.over = true;
    this.ending = true;
    this.sink?.closed(reason);
    if (this.#defect === 'reports an end twice') this.sink?.closed(reason);
    if (this.#defect === 'delivers after abort') this.sink?.data(Uint8Array.of(0));
    this.queued = 0;
    this.settle();
  }

  wake(): void {
    queueMicrotask(() => this.deliver());
  }

  deliver(): void {
    while (this.queue.length > 0 && !this.over && ((this.sink !== undefined && !this.paused) || this.ending)) {
      const item = this.queue.shift();
      if (item === 'end') {
        if (this.#defect === 'ignores the end of the other side') return;
        if (!this.ending) this.end();
        this.finish(undefined);
        this.peer.finish(undefined);
      } else if (item !== undefined) {
        this.queued -= item.length;
        if (!this.ending) this.sink?.data(item);
      }
    }
    const writer = this.peer;
    if (!writer.waiting || writer.over || writer.bufferedBytes > 0 || this.#defect === 'never drains') return;
    writer.waiting = false;
    writer.sink?.drain();
  }
}

/** A transport inside the process, honest unless it is given a defect. Ends are put through as soon as the bytes before them are. */
export function loopback(defect?: Defect): Dialer & Acceptor {
  const listeners = new Map<string, ListenOptions>();
  const networks = defect === 'no network' ? [] : ['loopback'];
  shared.side = undefined;

  const listen = async (address: Address, options: ListenOptions): Promise<Listener> => {
    if (defect !== 'listens in spite of the signal') options.signal?.throwIfAborted();
    if (defect === 'writes into the options') Object.assign(options, { seen: true });
    if (listeners.has(address.host) && defect !== 'two listeners') throw new RpcError('unavailable', `${address.host} is taken`);
    listeners.set(address.host, options);
    const taken: Side[] = [];
    accepted.set(options, taken);
    const close = async (): Promise<void> => {
      if (defect !== 'listener stays') listeners.delete(address.host);
      if (defect === 'listener takes its connections along') for (const side of taken) side.abort();
    };
    return { address: defect === 'lies about its address' ? { network: 'loopback', host: 'nowhere' } : address, close, [Symbol.asyncDispose]: close };
  };
  const accepted = new Map<ListenOptions, Side[]>();

  const dial = async (address: Address, options: DialOptions): Promise<Connection> => {
    if (defect !== 'dials in spite of the signal') options.signal?.throwIfAborted();
    await Promise.resolve();
    if (defect !== 'ignores a signal on the way' && defect !== 'dials in spite of the signal') options.signal?.throwIfAborted();
    const listener = listeners.get(address.host);
    if (listener === undefined) {
      if (defect === 'plain error') throw new Error('ECONNREFUSED');
      throw new RpcError('unavailable', `nobody listens at ${address.host}`, { reason: 'CONNECT_FAILED', sent: defect === 'pretends to have sent', address: address.host });
    }
    const [client, server] = [new Side(address, defect), new Side(address, defect)];
    client.peer = server;
    server.peer = client;
    if (defect === 'keeps looking at the signal') options.signal?.addEventListener('abort', () => client.abort());
    if (defect === 'leaves a timer') leftTimers.push(options.runtime.clock.setTimer(() => {}, 1e6));
    accepted.get(listener)?.push(server);
    listener.accept(server);
    if (defect === 'keeps what it dialled in vain') {
      await Promise.resolve();
      options.signal?.throwIfAborted();
    }
    return client;
  };
  return { networks, listen, dial };
}
