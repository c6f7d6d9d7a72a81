import { onAbort } from '@rpcxjs/core';
import { abortable } from '@rpcxjs/registry-kit';
import type { Etcd3 } from 'etcd3';
import { throughElection, type ElectionPatience } from './election.ts';

/** The content below a prefix at one revision. */
export interface Content {
  readonly values: Map<string, string>;
  readonly revision: string;
}

/** The end of the range of keys that begin with `prefix`. */
export function endOfPrefix(prefix: string): Buffer {
  const end = Buffer.from(prefix, 'utf8');
  // UTF-8 has no byte 0xff, so the last one can always be raised.
  const last = end.length - 1;
  end[last] = (end[last] ?? 0) + 1;
  return end;
}

export async function readContent(client: Etcd3, prefix: string): Promise<Content> {
  const { kvs, header } = await client.kv.range({ key: Buffer.from(prefix, 'utf8'), range_end: endOfPrefix(prefix) });
  return { values: new Map(kvs.map(({ key, value }) => [key.toString('utf8'), value.toString('utf8')])), revision: header.revision };
}

/**
 * The content at once and after each change, from the revision that was read on. A stream of its own for each prefix: etcd3's shared one throws where nobody can catch it
 * when a message comes for a watcher that has left. Ends with an error when the stream does, or when etcd has compacted the revisions away.
 */
export async function* watchContent(client: Etcd3, prefix: string, patience: ElectionPatience): AsyncGenerator<ReadonlyMap<string, string>, void> {
  const { signal } = patience;
  const { values, revision } = await abortable(signal, throughElection(patience, () => readContent(client, prefix)));
  const opening = client.watchClient.watch();
  opening.catch(() => {}); // told below, unless nobody waits any more
  const news = new News();
  const close = onAbort(signal, () => {
    news.tell();
    void opening.then((stream) => stream.on('error', () => {}).cancel(), () => {});
  });
  try {
    const stream = await abortable(signal, opening);
    stream.on('error', (error) => news.fail(error));
    stream.on('end', () => news.fail(new Error('the watch ended')));
    stream.on('data', ({ canceled, cancel_reason: reason, compact_revision: compacted, events }) => {
      if (canceled) {
        news.fail(new Error(`the watch was cancelled: ${compacted === '0' ? reason : `the revisions before ${compacted} were compacted away`}`));
        return;
      }
      for (const { type, kv } of events) {
        if (type === 'Put') values.set(kv.key.toString('utf8'), kv.value.toString('utf8'));
        else values.delete(kv.key.toString('utf8'));
      }
      if (events.length > 0) news.tell();
    });
    stream.write({ create_request: { key: Buffer.from(prefix, 'utf8'), range_end: endOfPrefix(prefix), start_revision: `${BigInt(revision) + 1n}` } });
    yield new Map(values);
    while (!signal.aborted) {
      await news.come();
      if (!signal.aborted) yield new Map(values);
    }
  } finally {
    close();
    void opening.then((stream) => stream.on('error', () => {}).cancel(), () => {});
  }
}

/** Tells whether something has happened since it was last asked. */
class News {
  #fresh = false;
  #error: Error | undefined;
  #wake: () => void = () => {};

  tell(): void {
    this.#fresh = true;
    this.#wake();
  }
  fail(error: Error): void {
    this.#error ??= error;
    this.#wake();
  }
  /** Rejects with the error that ended it. */
  async come(): Promise<void> {
    if (!this.#fresh && this.#error === undefined) await new Promise<void>((resolve) => (this.#wake = resolve));
    this.#fresh = false;
    if (this.#error !== undefined) throw this.#error;
  }
}
