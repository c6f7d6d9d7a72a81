import { onAbort } from '@rpcxjs/core';
import type { Acceptor, Address, Connection, Listener, ListenOptions, Runtime } from '@rpcxjs/core';
import { WaitingRoom } from '@rpcxjs/transport-tcp';
import type { Matcher } from './matchers.ts';
import { recognise } from './recognise.ts';
import type { Refused } from './refused.ts';
import type { ResolvedSniffOptions } from './sniff-options.ts';

export interface SharedPortInit {
  readonly acceptor: Acceptor;
  readonly matchers: ReadonlyMap<string, Matcher>;
  readonly options: ResolvedSniffOptions;
  /** Called once nobody listens any more. */
  left(port: SharedPort): void;
  recognised(name: string): void;
  refused(why: Refused): void;
}

/** One real listener, shared by all who listen for one of its protocols. The first that joins lends its runtime; the listener closes with the last. */
export class SharedPort {
  readonly #init: SharedPortInit;
  readonly #asked: Address;
  readonly #room: WaitingRoom;
  readonly #opening: Promise<Listener>;
  readonly #served = new Map<string, (connection: Connection) => void>();
  #bound: Address | undefined;

  constructor(asked: Address, runtime: Runtime, init: SharedPortInit) {
    const { acceptor, matchers, options } = init;
    this.#init = init;
    this.#asked = asked;
    this.#room = new WaitingRoom({ clock: runtime.clock, timeoutMs: options.timeoutMs, most: options.maxWaiting });
    const recognition = { matchers, options, runtime, room: this.#room, deliver: this.#deliver, refused: init.refused };
    // Those who join may give up one by one; the listener has no signal of its own.
    this.#opening = acceptor.listen(asked, { runtime, accept: (connection) => recognise(connection, recognition) });
    this.#opening.then(({ address }) => (this.#bound = address), () => {});
  }

  get waiting(): number {
    return this.#room.size;
  }

  /** Whether a listener for this protocol and address is to join here. */
  takes(name: string, { network, host }: Address): boolean {
    return !this.#served.has(name) && [this.#asked, this.#bound].some((own) => own?.network === network && own.host === host);
  }

  async join(name: string, { accept, signal }: ListenOptions): Promise<Listener> {
    this.#served.set(name, accept);
    let leaving: Promise<void> | undefined;
    const leave = (): Promise<void> => (leaving ??= this.#leave(name));
    let unlink = (): void => {};
    try {
      const given = signal && new Promise<never>((_, reject) => (unlink = onAbort(signal, reject)));
      const { address } = await (given === undefined ? this.#opening : Promise.race([this.#opening, given]));
      return { address, close: leave, [Symbol.asyncDispose]: leave };
    } catch (error) {
      void leave();
      throw error;
    } finally {
      unlink();
    }
  }

  readonly #deliver = (name: string, connection: Connection): boolean => {
    const accept = this.#served.get(name);
    if (accept === undefined) return false;
    this.#init.recognised(name);
    accept(connection);
    return true;
  };

  async #leave(name: string): Promise<void> {
    this.#served.delete(name);
    if (this.#served.size > 0) return;
    this.#init.left(this);
    const listener = await this.#opening.catch(() => undefined);
    await listener?.close();
    this.#room.close();
  }
}
