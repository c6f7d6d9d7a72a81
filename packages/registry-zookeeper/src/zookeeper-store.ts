import { onAbort, RpcError, type Runtime } from '@rpcxjs/core';
import { abortable, type Bounded, type Entry, type KeyValueStore, type PutOwnedOptions, registryError, SessionLosses } from '@rpcxjs/registry-kit';
import zookeeper, { type Client, type Stat } from 'node-zookeeper-client';
import { answeringServer } from './answering-server.ts';
import { type ChildrenOf, isCode, readChildren, readNode, watchChildren } from './node-content.ts';
import { zookeeperError } from './zookeeper-error.ts';
import { SessionExpired, type SessionTicket, ZooKeeperLink } from './zookeeper-link.ts';
import type { ResolvedZooKeeperOptions } from './zookeeper-options.ts';

const mostTries = 5;

/** What a store needs. */
export interface ZooKeeperStoreInit {
  readonly options: ResolvedZooKeeperOptions;
  readonly where: string;
  readonly runtime: Runtime;
  /** Milliseconds that an operation has. Opening has half of it, so that one that hangs is given up before all who wait for it. */
  readonly timeoutMs: number;
}

/** Keys are nodes of ZooKeeper, and instances are ephemeral ones. There is one session at a time: a lost link is opened again with its ticket, and a session that has ended is followed by a new one. */
export class ZooKeeperStore implements KeyValueStore {
  readonly #init: ZooKeeperStoreInit;
  readonly #acl: zookeeper.ACL[];
  readonly #end = new AbortController();
  readonly #losses: SessionLosses = new SessionLosses(this.#end.signal);
  #link: Promise<ZooKeeperLink> | undefined;
  #ticket: SessionTicket | undefined;
  readonly #owned = new Set<string>();
  #watches = 0;
  #isDenialTold = false;
  #closing: Promise<void> | undefined;

  constructor(init: ZooKeeperStoreInit) {
    this.#init = init;
    this.#acl = init.options.acl.map(({ scheme, id, permissions }) => new zookeeper.ACL(permissionsOf(permissions), new zookeeper.Id(scheme, id)));
  }

  get(key: string, { signal }: Bounded): Promise<Entry | undefined> {
    return this.#ask(`read ${key}`, signal, async (link) => {
      if (isImpossible(key)) return undefined;
      const node = await readNode(link, pathOf(key));
      return node && { value: node.value, owned: isOurs(link, node.stat), foreign: isOfSession(node.stat) && !isOurs(link, node.stat), version: versionOf(node.stat) };
    });
  }

  list(prefix: string, { signal }: Bounded): Promise<ReadonlyMap<string, string>> {
    return this.#ask(`list ${prefix}`, signal, async (link) => (isImpossible(prefix) ? new Map() : withPrefix(prefix, await readChildren(link, this.#children(prefix)))));
  }

  putPersistent(key: string, value: string, { signal }: Bounded): Promise<void> {
    return this.#ask(`write ${key}`, signal, async (link) => {
      mustBePossible(key, this.#init.where);
      await this.#makeParents(link, pathOf(key));
      await this.#create(link, pathOf(key), value, zookeeper.CreateMode.PERSISTENT);
    });
  }

  putOwned(key: string, value: string, { signal, ifVersion }: PutOwnedOptions): Promise<boolean> {
    return this.#ask(`write ${key}`, signal, async (link) => {
      const path = pathOf(key);
      mustBeOneNode(key, this.#init.where);
      mustBePossible(key, this.#init.where);
      for (let tries = 0; tries < mostTries; tries++) {
        const node = await readNode(link, path);
        if (ifVersion !== undefined && (node === undefined || versionOf(node.stat) !== ifVersion)) return false;
        if (node === undefined) {
          await this.#makeParents(link, path);
          if (await this.#create(link, path, value, zookeeper.CreateMode.EPHEMERAL)) return this.#guard(link, path);
        } else if (await this.#replace(link, path, value, node.stat)) return this.#guard(link, path);
      }
      throw new Error(`others change ${key} all the time`);
    });
  }

  deleteOwned(key: string, { signal }: Bounded): Promise<boolean> {
    return this.#ask(`delete ${key}`, signal, async (link) => {
      const path = pathOf(key);
      this.#owned.delete(path);
      this.#guard(link);
      for (let tries = 0; tries < mostTries; tries++) {
        const node = await readNode(link, path);
        if (node === undefined || !isOurs(link, node.stat)) return false;
        if (await unless(['NO_NODE', 'BAD_VERSION'], link.ask((client, done) => client.remove(path, node.stat.version, done)))) return true;
      }
      throw new Error(`others change ${key} all the time`);
    });
  }

  async *watch(prefix: string, { signal }: Bounded): AsyncIterable<ReadonlyMap<string, string>> {
    const what = `watch ${prefix}`;
    const link = await this.#ask(what, signal, (open) => Promise.resolve(open));
    const over = new AbortController();
    const unlinks = [onAbort(signal, (reason) => over.abort(reason)), onAbort(this.#end.signal, () => over.abort(this.#closed(what)))];
    try {
      this.#watches += 1;
      this.#guard(link);
      if (isImpossible(prefix)) {
        yield new Map();
        await abortable(over.signal, new Promise(() => {}));
      }
      for await (const content of watchChildren(link, this.#children(prefix), over.signal)) yield withPrefix(prefix, content);
    } catch (error) {
      if (signal.aborted) throw signal.reason;
      this.#mustBeOpen(what);
      throw zookeeperError(this.#init.where, what, error);
    } finally {
      this.#watches -= 1;
      this.#guard(link);
      for (const unlink of unlinks) unlink();
    }
    signal.throwIfAborted();
    this.#mustBeOpen(what);
  }

  sessionLost(options: Bounded): AsyncGenerator<void, void> {
    return this.#losses.watch(options);
  }

  abandon(): void {
    this.#end.abort();
    void this.#link?.then((link) => link.destroy(new Error('it was given up')), () => {});
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    const link = this.#link;
    this.#end.abort();
    await link?.then((open) => open.close(), () => {});
  }

  /** Keeps a link alive while any node depends on it. Returns true, as the result of a node just written. */
  #guard(link: ZooKeeperLink, written?: string): true {
    if (written !== undefined) this.#owned.add(written);
    link.guard(this.#watches > 0 || this.#owned.size > 0);
    return true;
  }

  #children(prefix: string): ChildrenOf {
    return { path: pathOf(prefix), denied: (path, error) => {
      if (this.#isDenialTold) return;
      this.#isDenialTold = true;
      this.#init.runtime.logger.warn({ path, err: error }, `zookeeper at ${this.#init.where} does not let us read ${path}; its neighbours are used: set \`auth\`, or look at its access control list with \`getAcl\``);
    } };
  }

  /** Creates a node; false when it is there already. */
  #create(link: ZooKeeperLink, path: string, value: string, mode: number): Promise<boolean> {
    return unless(['NODE_EXISTS'], link.ask((client, done) => client.create(path, Buffer.from(value, 'utf8'), this.#acl, mode, done)));
  }

  async #makeParents(link: ZooKeeperLink, path: string): Promise<void> {
    for (let at = path.indexOf('/', 1); at > 0; at = path.indexOf('/', at + 1)) {
      const parent = path.slice(0, at);
      const known = await link.ask<Stat | null>((client, done) => client.exists(parent, done));
      if (!known) await this.#create(link, parent, '', zookeeper.CreateMode.PERSISTENT);
    }
  }

  /** Writes a node of this session, or replaces that of another one in one step. False when it has changed in the meantime. */
  #replace(link: ZooKeeperLink, path: string, value: string, { version, ...stat }: Stat): Promise<boolean> {
    const data = Buffer.from(value, 'utf8');
    if (isOurs(link, stat)) return unless(['NO_NODE', 'BAD_VERSION'], link.ask((client: Client, done) => client.setData(path, data, version, done)));
    return unless(['NO_NODE', 'BAD_VERSION', 'NODE_EXISTS'], link.ask((client, done) => {
      const transaction = client.transaction().remove(path, version);
      // The library takes version 0 for any.
      const [removal] = (transaction as unknown as { ops: { version: number }[] }).ops; // its list of steps
      if (removal !== undefined) removal.version = version;
      transaction.create(path, data, this.#acl, zookeeper.CreateMode.EPHEMERAL).commit(done);
    }));
  }

  #opened(): Promise<ZooKeeperLink> {
    if (this.#link !== undefined) return this.#link;
    const opening = this.#open();
    this.#link = opening;
    opening.then((link) => onAbort(link.over, () => this.#lost(opening)), () => {
      if (this.#link === opening) this.#link = undefined;
    });
    return opening;
  }

  async #open(): Promise<ZooKeeperLink> {
    const { runtime, timeoutMs } = this.#init;
    const over = new AbortController();
    const unlink = onAbort(this.#end.signal, (reason) => over.abort(reason));
    const timer = runtime.clock.setTimer(() => over.abort(new Error(`no answer within ${timeoutMs / 2} ms`)), timeoutMs / 2);
    try {
      const server = await answeringServer(this.#init.options.servers, over.signal);
      return await this.#openAt(server, over.signal);
    } finally {
      timer.cancel();
      unlink();
    }
  }

  /** Opens a link with the earlier session, or with a new one when that has ended. */
  async #openAt(server: string, signal: AbortSignal): Promise<ZooKeeperLink> {
    const { options, runtime } = this.#init;
    const open = async (ticket?: SessionTicket): Promise<ZooKeeperLink> => {
      const link = await ZooKeeperLink.open({ server, options, clock: runtime.clock, ticket }, signal);
      this.#ticket = link.ticket;
      this.#guard(link);
      return link;
    };
    const ticket = this.#ticket;
    try {
      return await open(ticket);
    } catch (error) {
      if (!(error instanceof SessionExpired) || ticket === undefined) throw error;
      this.#ticket = undefined;
      return open();
    }
  }

  /** The link is lost. The session may have survived, so owners of keys in it are to check them. */
  #lost(link: Promise<ZooKeeperLink>): void {
    if (this.#link !== link) return;
    this.#link = undefined;
    this.#losses.tell();
  }

  async #ask<T>(what: string, signal: AbortSignal, work: (link: ZooKeeperLink) => Promise<T>): Promise<T> {
    this.#mustBeOpen(what);
    signal.throwIfAborted();
    try {
      return await abortable(signal, abortable(this.#end.signal, this.#opened().then(work)));
    } catch (error) {
      if (signal.aborted || RpcError.is(error)) throw error;
      this.#mustBeOpen(what);
      throw zookeeperError(this.#init.where, what, error);
    }
  }

  #mustBeOpen(what: string): void {
    if (this.#end.signal.aborted) throw this.#closed(what);
  }
  #closed(what: string): RpcError {
    return new RpcError('failed_precondition', `the connection to zookeeper at ${this.#init.where} cannot ${what}: it was closed; open a new one`, { reason: 'CLOSED', sent: false });
  }
}

/** As libkv writes them (store/helpers.go, Normalize): one slash in front, none behind, none doubled. */
function pathOf(key: string): string {
  return `/${key.split('/').filter((part) => part !== '').join('/')}`;
}

const forbidden: readonly (readonly [from: number, to: number])[] = [[0, 0x1f], [0x7f, 0x9f], [0xd800, 0xf8ff], [0xfff0, 0xffff]];

/** Whether no node can have this path, so that nothing is registered there (ZooKeeper, PathUtils.validatePath). */
function isImpossible(key: string): boolean {
  if (key.slice(1).includes('//') || key.split('/').some((part) => part === '.' || part === '..')) return true;
  for (let at = 0; at < key.length; at++) {
    const code = key.charCodeAt(at);
    if (forbidden.some(([from, to]) => code >= from && code <= to)) return true;
  }
  return false;
}

function withPrefix(prefix: string, children: ReadonlyMap<string, string>): Map<string, string> {
  return new Map([...children].map(([name, value]) => [`${prefix}${name}`, value]));
}

/** Throws for a key that could not be read again: further slashes would lead to another service. */
function mustBePossible(key: string, where: string): void {
  if (!isImpossible(key)) return;
  const hint = 'no "." or "..", no doubled slashes, no control characters, none beyond U+FFFF; choose another service or base path';
  throw registryError({ name: 'zookeeper', where, what: `write ${JSON.stringify(key)}`, cause: 'ZooKeeper has no such names', hint, code: 'invalid_argument', reason: 'REGISTRY_REFUSED' });
}

/** Throws for a key that would need several nodes: a name has no slash, and an ephemeral node has no children, so a socket file cannot be registered. */
function mustBeOneNode(key: string, where: string): void {
  const at = key.lastIndexOf('@');
  if (at < 0 || !key.includes('/', at)) return;
  throw registryError({
    name: 'zookeeper', where, what: `write ${key}`, cause: 'an address with a slash is no name of a node', hint: 'other machines cannot dial a socket file anyway: advertise a TCP address',
    code: 'invalid_argument', reason: 'REGISTRY_REFUSED',
  });
}

function isOurs(link: ZooKeeperLink, { ephemeralOwner }: Pick<Stat, 'ephemeralOwner'>): boolean {
  return link.ticket.id.equals(ephemeralOwner);
}

/** The owner of a node that outlives its session: all zeros. */
function isOfSession({ ephemeralOwner }: Pick<Stat, 'ephemeralOwner'>): boolean {
  return ephemeralOwner.some((byte) => byte !== 0);
}

/** The version of a node; another node of the same name has another one. */
function versionOf({ czxid, version }: Stat): string {
  return `${czxid.toString('hex')}.${version}`;
}

function permissionsOf(letters: string): number {
  const { READ, WRITE, CREATE, DELETE, ADMIN } = zookeeper.Permission;
  const bits: Readonly<Record<string, number>> = { r: READ, w: WRITE, c: CREATE, d: DELETE, a: ADMIN };
  return Object.entries(bits).reduce((all, [letter, bit]) => (letters.includes(letter) ? all | bit : all), 0);
}

/** True when the work is done, false when ZooKeeper answers with one of these codes. */
async function unless(codes: readonly ('NO_NODE' | 'NODE_EXISTS' | 'BAD_VERSION')[], work: Promise<unknown>): Promise<boolean> {
  try {
    await work;
    return true;
  } catch (error) {
    if (isCode(error, ...codes)) return false;
    throw error;
  }
}
