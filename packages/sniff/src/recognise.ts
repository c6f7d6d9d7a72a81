import { formatAddress } from '@rpcxjs/core';
import type { Connection, Runtime } from '@rpcxjs/core';
import { PeekedConnection } from '@rpcxjs/transport-tcp';
import type { WaitingRoom } from '@rpcxjs/transport-tcp';
import type { Matcher, Verdict } from './matchers.ts';
import { refusalError } from './refused.ts';
import type { Refused } from './refused.ts';
import type { ResolvedSniffOptions } from './sniff-options.ts';

/** The matchers, and what becomes of connections that they recognise. */
export interface Recognition {
  /** In their order. */
  readonly matchers: ReadonlyMap<string, Matcher>;
  readonly options: ResolvedSniffOptions;
  readonly room: WaitingRoom;
  readonly runtime: Runtime;
  /** False when nobody listens for this name. */
  deliver(name: string, connection: Connection): boolean;
  refused(why: Refused): void;
}

type Match = { readonly name: string } | 'none' | 'more';
const nothing = new Uint8Array(0);

/** Finds out what one connection speaks, and delivers it with all its bytes, or aborts it. */
export function recognise(below: Connection, recognition: Recognition): void {
  const first = match(recognition, nothing, false);
  // Nobody needs to see a byte of it.
  if (first !== 'more' && first !== 'none' && recognition.deliver(first.name, below)) return;
  new Guest(below, recognition).enter();
}

/** A connection that is not recognised yet. */
class Guest {
  readonly #recognition: Recognition;
  readonly #connection: PeekedConnection;
  #seen: Uint8Array = nothing;
  #leave = (): void => {};

  constructor(below: Connection, recognition: Recognition) {
    this.#recognition = recognition;
    this.#connection = new PeekedConnection(below);
  }

  enter(): void {
    const { room, options: { maxBytes } } = this.#recognition;
    this.#leave = room.enter(this.#connection, (why) => {
      // When the time is over, "more" counts as "no", and a later matcher may take the connection as it is.
      if (why !== 'late' || !this.#decide(true)) this.#refuse(why);
    });
    this.#connection.peek({
      look: (bytes) => {
        this.#seen = bytes.length > maxBytes ? bytes.subarray(0, maxBytes) : bytes;
        const full = bytes.length >= maxBytes;
        if (!this.#decide(full) && full) this.#refuse('tooLong');
      },
      ended: () => {
        this.#leave();
        this.#recognition.refused('left');
        this.#recognition.runtime.logger.debug(this.#fields(), 'a connection ended before it showed what it speaks');
      },
    });
  }

  /** Decides what the connection speaks; false when that takes more bytes. */
  #decide(final: boolean): boolean {
    const found = match(this.#recognition, this.#seen, final);
    if (found === 'more') return false;
    if (found === 'none') {
      if (final) return false;
      this.#refuse('unknown');
      return true;
    }
    this.#leave();
    this.#connection.release(0);
    if (!this.#recognition.deliver(found.name, this.#connection)) this.#refuse('unserved', found.name);
    return true;
  }

  #refuse(why: Exclude<Refused, 'left'>, name?: string): void {
    const { matchers, options, refused, runtime: { logger } } = this.#recognition;
    this.#leave();
    refused(why);
    const error = refusalError(why, { ...options, bytes: this.#seen, names: [...matchers.keys()], name });
    // A connection that says nothing is not worth a warning: it may be a probe, or a client that keeps a connection ready.
    if (this.#seen.length === 0 || why === 'closed') logger.debug({ ...this.#fields(), why, err: error }, error.message);
    else logger.warn({ ...this.#fields(), why, err: error }, `a connection is refused: ${error.message}`);
    try {
      options.refused?.(error, this.#connection);
    } catch (thrown) {
      logger.error({ err: thrown }, 'the option `refused` of sniff() threw');
    }
    this.#connection.abort(error);
  }

  #fields(): object {
    const { remote } = this.#connection;
    return { remote: remote === undefined ? undefined : formatAddress(remote) };
  }
}

/** The first that says yes, once all before it have said no. `final` takes "more" for "no". */
function match({ matchers, runtime }: Recognition, bytes: Uint8Array, final: boolean): Match {
  for (const [name, matcher] of matchers) {
    const verdict = ask(name, matcher, bytes, runtime);
    if (verdict === 'yes') return { name };
    if (verdict === 'more' && !final) return 'more';
  }
  return 'none';
}

function ask(name: string, matcher: Matcher, bytes: Uint8Array, { logger }: Runtime): Verdict {
  try {
    const verdict = matcher(bytes);
    if (verdict === 'yes' || verdict === 'no' || verdict === 'more') return verdict;
    throw new TypeError(`it returned ${String(verdict)}; return 'yes', 'no' or 'more'`);
  } catch (error) {
    logger.error({ err: error, matcher: name }, `the matcher ${name} failed, which counts as a no`);
    return 'no';
  }
}
