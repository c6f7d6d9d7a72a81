import type { Event } from 'node-zookeeper-client';
import type { ZooKeeperLink } from './zookeeper-link.ts';

type Kind = 'children' | 'data' | 'existence';

/** Which nodes of one link are watched, and who wants to know: ZooKeeper tells once, and the library remembers every asker until then. */
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

  /** What is handed to the library with a reading: always the same function for the same node, which it then keeps once. */
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

/** The boards of links: each has its own, which goes with it. */
const boards = new WeakMap<ZooKeeperLink, WatchBoard>();

export function boardOf(link: ZooKeeperLink): WatchBoard {
  const board = boards.get(link) ?? new WatchBoard();
  boards.set(link, board);
  return board;
}
