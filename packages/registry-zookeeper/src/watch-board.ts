import type { Event } from 'node-zookeeper-client';
import type { ZooKeeperLink } from './zookeeper-link.ts';

type Kind = 'children' | 'data' | 'existence';

/** The watched nodes of one link and their listeners. ZooKeeper tells of a change once, and the library remembers each watcher until then. */
export class WatchBoard {
  readonly #armed = new Map<string, (event: Event) => void>();
  readonly #listeners = new Map<string, Set<() => void>>();

  /** Returns a function that takes it off again. */
  listen(kind: Kind, path: string, changed: () => void): () => void {
    const key = `${kind} ${path}`;
    const listeners = this.#listeners.get(key) ?? new Set();
    this.#listeners.set(key, listeners);
    listeners.add(changed);
    return () => {
      listeners.delete(changed);
      if (listeners.size === 0 && this.#listeners.get(key) === listeners) this.#listeners.delete(key);
    };
  }

  /** The watcher that is given to the library: always the same function for one node, so that the library keeps it once. */
  watcher(kind: Kind, path: string): (event: Event) => void {
    const key = `${kind} ${path}`;
    const armed = this.#armed.get(key) ?? ((): void => {
      this.#armed.delete(key);
      for (const changed of this.#listeners.get(key) ?? []) changed();
    });
    this.#armed.set(key, armed);
    return armed;
  }
}

/** The board of each link. */
const boards = new WeakMap<ZooKeeperLink, WatchBoard>();

export function boardOf(link: ZooKeeperLink): WatchBoard {
  const board = boards.get(link) ?? new WatchBoard();
  boards.set(link, board);
  return board;
}
