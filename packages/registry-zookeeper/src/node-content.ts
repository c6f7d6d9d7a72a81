import { onAbort } from '@rpcxjs/core';
import type { Client, Event, Stat } from 'node-zookeeper-client';
import zookeeper from 'node-zookeeper-client';
import { boardOf, type WatchBoard } from './watch-board.ts';
import type { ZooKeeperLink } from './zookeeper-link.ts';

/** A node as it is read. */
export interface NodeData {
  readonly value: string;
  readonly stat: Stat;
}

const readsAtOnce = 64;

export function isCode(error: unknown, ...codes: readonly ('NO_NODE' | 'NODE_EXISTS' | 'BAD_VERSION' | 'NO_AUTH')[]): boolean {
  const code = typeof error === 'object' && error !== null && 'getCode' in error && typeof error.getCode === 'function' ? (error.getCode() as unknown) : undefined;
  return codes.some((name) => zookeeper.Exception[name] === code);
}

/** Undefined when there is no such node. */
export async function readNode(link: ZooKeeperLink, path: string, watcher?: (event: Event) => void): Promise<NodeData | undefined> {
  try {
    return await link.ask<NodeData>((client: Client, done) => {
      const got = (error: unknown, data: Buffer | undefined, stat: Stat): void => (error ? done(error as Error) : done(null, { value: data?.toString('utf8') ?? '', stat })); // the library's own
      if (watcher === undefined) client.getData(path, got);
      else client.getData(path, watcher, got);
    });
  } catch (error) {
    if (isCode(error, 'NO_NODE')) return undefined;
    throw error;
  }
}

/** Undefined when there is no such node. */
async function childrenOf(link: ZooKeeperLink, path: string, watcher?: (event: Event) => void): Promise<readonly string[] | undefined> {
  try {
    return await link.ask<string[]>((client, done) => (watcher === undefined ? client.getChildren(path, done) : client.getChildren(path, watcher, done)));
  } catch (error) {
    if (isCode(error, 'NO_NODE')) return undefined;
    throw error;
  }
}

/** The node whose children are read, and the function that is told of children that may not be read. */
export interface ChildrenOf {
  readonly path: string;
  readonly denied: (path: string, error: unknown) => void;
}

/** The data of all children of a node that we may read; none when there is no such node. Rejects when there are some and we may read none. */
export async function readChildren(link: ZooKeeperLink, { path, denied }: ChildrenOf): Promise<Map<string, string>> {
  const refusals = new Refusals(denied);
  const found = await readAll((await childrenOf(link, path)) ?? [], (name) => refusals.except(childPath(path, name), readNode(link, childPath(path, name))));
  refusals.judge(found.size);
  return found;
}

/** Counts nodes that may not be read: one of them must not hide the others, but if none may be read, this client lacks the rights. */
class Refusals {
  readonly #told: (path: string, error: unknown) => void;
  readonly #errors = new Map<string, unknown>();

  constructor(told: (path: string, error: unknown) => void) {
    this.#told = told;
  }

  /** Undefined in the place of a node that we may not read. */
  async except(path: string, reading: Promise<NodeData | undefined>): Promise<NodeData | undefined> {
    this.#errors.delete(path);
    try {
      return await reading;
    } catch (error) {
      if (!isCode(error, 'NO_AUTH')) throw error;
      this.#errors.set(path, error);
      return undefined;
    }
  }

  forget(path: string): void {
    this.#errors.delete(path);
  }

  judge(readable: number): void {
    const [first] = this.#errors;
    if (first === undefined) return;
    if (readable === 0) throw first[1];
    this.#told(...first);
  }
}

async function readAll(names: readonly string[], read: (name: string) => Promise<NodeData | undefined>): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  for (let from = 0; from < names.length; from += readsAtOnce) {
    const some = names.slice(from, from + readsAtOnce);
    const nodes = await Promise.all(some.map(read));
    for (const [index, name] of some.entries()) {
      const node = nodes[index];
      if (node !== undefined) found.set(name, node.value);
    }
  }
  return found;
}

/** The data of all children at once and after each change of either; rejects when the link is over. Watches are set with the readings, so that nothing is missed between them. */
export async function* watchChildren(link: ZooKeeperLink, children: ChildrenOf, signal: AbortSignal): AsyncGenerator<ReadonlyMap<string, string>, void> {
  const watch = new ChildrenWatch(link, children);
  const unlinks = [onAbort(signal, () => watch.wake()), onAbort(link.over, () => watch.wake())];
  try {
    while (!signal.aborted) {
      yield await watch.read();
      await watch.change(() => signal.aborted || link.over.aborted);
      link.over.throwIfAborted();
    }
  } finally {
    for (const unlink of unlinks) unlink();
    watch.close();
  }
}

class ChildrenWatch {
  readonly #link: ZooKeeperLink;
  readonly #path: string;
  readonly #board: WatchBoard;
  readonly #refusals: Refusals;
  /** By name, what takes the listener off. */
  readonly #listening = new Map<string, () => void>();
  readonly #stale = new Set<string>();
  readonly #unlisten: readonly (() => void)[];
  #content = new Map<string, string>();
  #membersStale = true;
  #wake: () => void = () => {};

  constructor(link: ZooKeeperLink, { path, denied }: ChildrenOf) {
    this.#link = link;
    this.#path = path;
    this.#refusals = new Refusals(denied);
    this.#board = boardOf(link);
    const changed = (): void => {
      this.#membersStale = true;
      this.#wake();
    };
    this.#unlisten = [this.#board.listen('children', path, changed), this.#board.listen('existence', path, changed)];
  }

  wake(): void {
    this.#wake();
  }

  /** Settles when something is to be read again, or `over()`. */
  async change(over: () => boolean): Promise<void> {
    while (!this.#membersStale && this.#stale.size === 0 && !over()) await new Promise<void>((resolve) => (this.#wake = resolve));
  }

  async read(): Promise<ReadonlyMap<string, string>> {
    if (this.#membersStale) await this.#readMembers();
    const stale = [...this.#stale];
    this.#stale.clear();
    const fresh = await readAll(stale, (name) => this.#read(childPath(this.#path, name)));
    for (const name of stale) {
      const value = fresh.get(name);
      // A child that has vanished in the meantime will not be in the next list.
      if (value === undefined || !this.#listening.has(name)) this.#content.delete(name);
      else this.#content.set(name, value);
    }
    this.#refusals.judge(this.#content.size);
    return new Map(this.#content);
  }

  #read(path: string): Promise<NodeData | undefined> {
    return this.#refusals.except(path, readNode(this.#link, path, this.#board.watcher('data', path)));
  }

  close(): void {
    for (const unlisten of [...this.#unlisten, ...this.#listening.values()]) unlisten();
  }

  async #readMembers(): Promise<void> {
    this.#membersStale = false;
    const names = (await childrenOf(this.#link, this.#path, this.#board.watcher('children', this.#path))) ?? (await this.#awaitNode());
    for (const [name, unlisten] of this.#listening) {
      if (names.includes(name)) continue;
      unlisten();
      this.#listening.delete(name);
      this.#stale.delete(name);
      this.#content.delete(name);
      this.#refusals.forget(childPath(this.#path, name));
    }
    for (const name of names) {
      if (this.#listening.has(name)) continue;
      this.#listening.set(name, this.#board.listen('data', childPath(this.#path, name), () => {
        this.#stale.add(name);
        this.#wake();
      }));
      this.#stale.add(name);
    }
  }

  /** The node does not exist: the watch tells when it is created. If it was created just now, its children are read next. */
  async #awaitNode(): Promise<readonly string[]> {
    const stat = await this.#link.ask<Stat | null>((client, done) => client.exists(this.#path, this.#board.watcher('existence', this.#path), done));
    if (stat) this.#membersStale = true;
    return [];
  }
}

export function childPath(path: string, name: string): string {
  return path === '/' ? `/${name}` : `${path}/${name}`;
}
