import { randomUUID } from 'node:crypto';
import { link, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { RpcError, sleep } from '@rpcxjs/core';
import type { Bounded, KeyValueStore, OpenContext } from '@rpcxjs/registry-kit';

type Row = { value: string; owner: string; version: string; until: number };
type Rows = Map<string, Row>;

/** A table in a directory: each change of it is another file, 1, 2, 3 …, and the newest counts. */
export function directoryStore(directory: string, { runtime: { clock } }: OpenContext): KeyValueStore {
  const me: string = randomUUID();
  const ended = new AbortController();
  /** Makes the next table, unless `edit` says false. Of several who do so at once one is first, because a link is made once; the others look again. */
  async function change(signals: readonly AbortSignal[], edit: (rows: Rows) => boolean): Promise<boolean> {
    for (;;) {
      for (const signal of signals) signal.throwIfAborted();
      const at = Math.max(0, ...(await readdir(directory)).map(Number).filter(Number.isInteger));
      const text = at === 0 ? '[]' : await readFile(join(directory, `${at}`), 'utf8');
      const rows: Rows = new Map((JSON.parse(text) as [string, Row][]).filter(([, { until }]) => until > clock.wallTime()));
      if (!edit(rows)) return false;
      const draft = join(directory, randomUUID());
      await writeFile(draft, JSON.stringify([...rows]));
      const first = await link(draft, join(directory, `${at + 1}`)).then(() => true, (error: NodeJS.ErrnoException) => error.code !== 'EEXIST' && Promise.reject(error));
      await Promise.all([rm(draft), rm(join(directory, `${at - 100}`), { force: true })]);
      if (first) return true;
    }
  }
  const edit = ({ signal }: Bounded, how: (rows: Rows) => boolean): Promise<boolean> => change([signal, ended.signal], how);
  const read = (options: Bounded): Promise<Rows> => new Promise((resolve, reject) => void edit(options, (rows) => (resolve(rows), false)).catch(reject));
  const row = (value: string, owner: string, ttlMs: number): Row => ({ value, owner, version: randomUUID(), until: clock.wallTime() + ttlMs });
  return {
    get: async (key, options) => [(await read(options)).get(key)].map((found) => found && { ...found, owned: found.owner === me, foreign: !['', me].includes(found.owner) })[0],
    list: async (prefix, options) => new Map([...(await read(options))].flatMap(([key, { value }]) => (key.startsWith(prefix) ? [[key, value] as const] : []))),
    putPersistent: async (key, value, options) => void (await edit(options, (rows) => !rows.has(key) && rows.set(key, row(value, '', 1e12)).has(key))),
    putOwned: (key, value, { signal, ttlMs, ifVersion }) => edit({ signal }, (rows) => [undefined, rows.get(key)?.version].includes(ifVersion) && rows.set(key, row(value, me, ttlMs)).has(key)),
    touchOwned: (key, { signal, ttlMs }) => edit({ signal }, (rows) => rows.get(key)?.owner === me && Object.assign(rows.get(key) ?? {}, { until: clock.wallTime() + ttlMs }).until > 0),
    deleteOwned: (key, options) => edit(options, (rows) => rows.get(key)?.owner === me && rows.delete(key)),
    async *watch(prefix, options) {
      for (;; await sleep(clock, 50, options.signal)) yield await this.list(prefix, options);
    },
    async *sessionLost() {}, // there are no sessions: what is owned ends by itself, unless it is touched
    async close() {
      ended.abort(new RpcError('failed_precondition', `the store in ${directory} was closed; make a new one`, { reason: 'CLOSED', sent: false }));
      await change([], (rows) => [...rows].filter(([key, { owner }]) => owner === me && rows.delete(key)).length > 0).catch(() => {}); // its time will end
    },
  };
}
