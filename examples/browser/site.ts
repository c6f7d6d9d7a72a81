import { readFile } from 'node:fs/promises';
import { createServer, type Server as WebServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import type { Server } from '@rpcxjs/server';
import { build } from 'esbuild';
import { openBoard } from './board-server.ts';

export interface Site {
  readonly url: string;
  /** Gzipped bytes of the script would be about a third of these. */
  readonly script: Uint8Array;
  /** Closes the board politely and opens a new one; the web server stays. */
  restart(): Promise<void>;
  close(): Promise<void>;
}

/** A page, its script, and the board, on one port. */
export async function openSite(port: number): Promise<Site> {
  const page = await readFile(join(import.meta.dirname, 'page.html'));
  const built = await build({ entryPoints: [join(import.meta.dirname, 'page.ts')], bundle: true, minify: true, format: 'esm', target: 'es2022', platform: 'browser', write: false });
  const script = built.outputFiles[0]?.contents ?? new Uint8Array(0);
  const files: Readonly<Record<string, readonly [string, Uint8Array]>> = { '/': ['text/html', page], '/page.js': ['text/javascript', script] };

  let board: Server | undefined;
  const web: WebServer = createServer((request, response) => {
    const [kind, content] = files[request.url ?? ''] ?? [];
    if (kind !== undefined) response.setHeader('content-type', `${kind}; charset=utf-8`).end(content);
    else if (request.method === 'POST' && request.url === '/restart') restart().then(() => response.end(), () => response.writeHead(500).end());
    else response.writeHead(404).end();
  });
  await new Promise<void>((resolve, reject) => {
    web.once('error', reject).listen(port, '127.0.0.1', resolve);
  });
  board = await openBoard(web);

  const restart = async (): Promise<void> => {
    const leaving = board;
    board = undefined;
    await leaving?.close({ graceMs: 1000 });
    board = await openBoard(web);
  };
  const close = async (): Promise<void> => {
    await board?.close({ graceMs: 1000 });
    web.closeAllConnections();
    await new Promise((resolve) => web.close(resolve));
  };
  return { url: `http://127.0.0.1:${(web.address() as AddressInfo).port}`, script, restart, close };
}
