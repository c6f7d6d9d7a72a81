import { once } from 'node:events';
import { existsSync, mkdtempSync, renameSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { spawn } from 'node:child_process';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { consoleLogger, RpcError, systemClock } from '@rpcxjs/core';
import type { Address, Connection, Listener } from '@rpcxjs/core';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { listenTrouble } from './path-trouble.ts';
import { unixDefaults } from './unix-options.ts';
import { unix } from './unix.ts';

const runtime = { clock: systemClock, logger: consoleLogger() };
let folder = '';
let address: Address = { network: 'unix', host: '' };
const opened: (() => Promise<void> | void)[] = [];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'rpcxjs-unix-'));
  address = { network: 'unix', host: join(folder, 'rpcx.sock') };
});
afterEach(async () => {
  for (const close of opened.splice(0).reverse()) await close();
  rmSync(folder, { recursive: true });
});

async function listen(transport = unix(), where = address): Promise<{ listener: Listener; accepted: Connection[] }> {
  const accepted: Connection[] = [];
  const listener = await transport.listen(where, { runtime, accept: (connection) => void accepted.push(connection) });
  opened.push(() => listener.close(), () => accepted.forEach((connection) => connection.abort()));
  return { listener, accepted };
}

async function dial(where = address): Promise<Connection> {
  const connection = await unix().dial(where, { runtime });
  opened.push(() => connection.abort());
  return connection;
}

const rejection = (work: Promise<unknown>): Promise<Error> => work.then(() => new Error('it did not reject'), (error: Error) => error);

/** Leaves a socket file behind, as a killed server does. */
async function leaveStaleSocket(path: string): Promise<void> {
  const child = spawn(process.execPath, ['-e', `require('net').createServer().listen(${JSON.stringify(path)}, () => console.log('up'))`], { stdio: ['ignore', 'pipe', 'inherit'] });
  await once(child.stdout, 'data');
  child.kill('SIGKILL');
  await once(child, 'close');
}

/** The same at once: the file of a server, which does not find it any more when it closes. */
async function leaveMovedSocket(path: string): Promise<void> {
  const server = createServer().listen(`${path}-`);
  await once(server, 'listening');
  renameSync(`${path}-`, path);
  server.close();
}

describe('unix', () => {
  it('says whose socket file it is that may not be removed', async () => {
    // As the system has it in a folder like /tmp.
    const cause = Object.assign(new Error('operation not permitted'), { code: 'EPERM' });
    expect(await listenTrouble(cause, address.host)).toMatchObject({ cause, message: 'EPERM, a server of another user left its socket file there, which only that user may remove: have it removed, or choose another path' });
  });

  it('has one of many servers that start at once take a stale file over, and that one keeps it', async () => {
    for (let round = 0; round < 100; round++) {
      const there = { network: 'unix', host: join(folder, `${round}.sock`) };
      await leaveMovedSocket(there.host);
      const answers = await Promise.all(Array.from({ length: 6 }, () => unix().listen(there, { runtime, accept: (connection) => connection.abort() }).catch((error: Error) => error)));
      const listeners = answers.flatMap((answer) => (answer instanceof Error ? [] : [answer]));
      for (const error of answers) if (error instanceof Error) expect(error).toMatchObject({ reason: 'LISTEN_FAILED', message: expect.stringContaining('somebody listens there already') as string });
      await Promise.all(listeners.map((listener) => listener.close()));
      expect(listeners.length).toBe(1);
    }
  });

  it('takes a file whose name is a number for a file, and not for a port', async () => {
    const numbered = { network: 'unix', host: String(process.pid) };
    const { listener } = await listen(unix(), numbered);
    const client = await dial(numbered);
    expect([listener.address, client.remote, existsSync(numbered.host)]).toEqual([numbered, numbered, true]);
    await listener.close();
    expect(existsSync(numbered.host)).toBe(false);
  });

  it('says who is at both ends, and reads into the buffer that TCP reads into', async () => {
    const { listener, accepted } = await listen();
    expect(listener.address).toEqual(address);
    const client = await dial();
    expect([client.local, client.remote]).toEqual([undefined, address]);
    await vi.waitFor(() => expect(accepted.length).toBe(1));
    const buffers = new Set<ArrayBufferLike>();
    let bytes = 0;
    for (const connection of [client, accepted[0] as Connection]) {
      connection.start({ data: (chunk) => (bytes += chunk.length, buffers.add(chunk.buffer)), drain() {}, closed() {} });
      connection.write(Buffer.from('hello'));
    }
    await vi.waitFor(() => expect(bytes).toBe(10));
    expect(buffers.size).toBe(1);
    expect([accepted[0]?.local, accepted[0]?.remote]).toEqual([address, undefined]);
  });

  it('removes its socket file on close()', async () => {
    const { listener } = await listen();
    expect(statSync(address.host).isSocket()).toBe(true);
    await listener.close();
    expect(existsSync(address.host)).toBe(false);
  });

  it('gives the socket file the permissions that it was told', async () => {
    await listen(unix({ mode: 0o620 }));
    expect(statSync(address.host).mode & 0o777).toBe(0o620);
  });

  it('is nobody else\'s from the first moment until it has its permissions, whatever the umask', async () => {
    const before = process.umask(0);
    try {
      const listening = listen(unix({ mode: 0o660 }));
      expect(statSync(address.host).mode & 0o777).toBe(0o700);
      await listening;
      expect(statSync(address.host).mode & 0o777).toBe(0o660);
      expect(process.umask(0)).toBe(0);
    } finally {
      process.umask(before);
    }
  });

  it('replaces a socket file whose server is dead', async () => {
    await leaveStaleSocket(address.host);
    expect((await rejection(dial())).message).toBe(`could not connect to unix@${address.host}: ECONNREFUSED, nobody listens there, a server that was killed left the socket file behind: start the server again, it replaces the file`);
    await listen();
    await dial();
  });

  it('leaves a socket file alone that somebody listens on', async () => {
    const { accepted } = await listen();
    const error = await rejection(listen());
    expect(RpcError.is(error)).toBe(true);
    expect(error).toMatchObject({ code: 'unavailable', reason: 'LISTEN_FAILED', sent: false });
    expect(error.message).toBe(`could not listen on unix@${address.host}: EADDRINUSE, somebody listens there already: \`fuser ${address.host}\` says which process; stop it, or choose another path`);
    await dial();
    await vi.waitFor(() => expect(accepted.length).toBeGreaterThan(0));
  });

  it('leaves alone what is no socket: a file, a folder, a link, and says which', async () => {
    writeFileSync(address.host, 'somebody needs this');
    expect((await rejection(listen())).message).toContain('EADDRINUSE, a file is there that is no socket, and is left alone: remove it, or choose another path');
    expect((await rejection(dial())).message).toContain('ECONNREFUSED, the file is no socket: check the path');
    expect(statSync(address.host).isFile()).toBe(true);
    const inside = { network: 'unix', host: folder };
    expect((await rejection(listen(unix(), inside))).message).toContain('EADDRINUSE, a folder is there: give the path of a socket file in it');
    expect((await rejection(dial(inside))).message).toContain('ECONNREFUSED, a folder is there: give the path of the socket file in it');
    const link = { network: 'unix', host: join(folder, 'link') };
    symlinkSync(join(folder, 'nowhere'), link.host);
    expect((await rejection(listen(unix(), link))).message).toContain('EADDRINUSE, a link is there, and is left alone: listen where it leads, or remove it');
    expect((await rejection(dial(link))).message).toContain('ENOENT, there is no such socket file');
    const below = { network: 'unix', host: join(address.host, 'below') };
    for (const error of [await rejection(dial(below)), await rejection(listen(unix(), below))]) expect(error.message).toContain('ENOTDIR, a part of its path is a file and no folder');
  });

  it('says that there is no socket file, no folder, or that the path cannot be', async () => {
    expect((await rejection(dial())).message).toBe(`could not connect to unix@${address.host}: ENOENT, there is no such socket file: is the server running, and is the path right?`);
    expect(await rejection(dial())).toMatchObject({ code: 'unavailable', reason: 'CONNECT_FAILED', sent: false, address: `unix@${address.host}` });
    expect((await rejection(dial({ network: 'unix', host: 'orders.sock' }))).message).toContain(`It is taken from ${process.cwd()}`);
    const homeless = await rejection(listen(unix(), { network: 'unix', host: join(folder, 'no', 'such') }));
    expect(homeless).toMatchObject({ code: 'unavailable', reason: 'LISTEN_FAILED', sent: false });
    expect(homeless.message).toContain(`ENOENT, there is no folder ${join(folder, 'no')}: make it first, or choose another path`);
    const long = { network: 'unix', host: join(folder, 'x'.repeat(150)) };
    expect((await rejection(listen(unix(), long))).message).toMatch(/could not listen on unix@.*: its path has \d+ bytes, the system takes 10[37]: choose a shorter one/);
    expect(await rejection(dial(long))).toMatchObject({ reason: 'CONNECT_FAILED', sent: false });
    for (const [host, sentence] of [['', 'its path is empty: write one'], ['\0orders', 'holds a zero byte'], [`${address.host}\0.sock`, 'holds a zero byte']] as const) {
      for (const error of [await rejection(dial({ network: 'unix', host })), await rejection(listen(unix(), { network: 'unix', host }))]) {
        expect(error).toMatchObject({ code: 'unavailable', sent: false });
        expect(error.message).toContain(sentence);
      }
    }
  });

  it('says that a server does not take connections, when its queue is full', async () => {
    const child = spawn(process.execPath, ['-e', `require('net').createServer().listen({ path: ${JSON.stringify(address.host)}, backlog: 1 }, () => console.log('up'))`], { stdio: ['ignore', 'pipe', 'inherit'] });
    await once(child.stdout, 'data');
    child.kill('SIGSTOP');
    const outcomes = await Promise.all(Array.from({ length: 5 }, () => rejection(dial())));
    expect(outcomes.map((error) => error.message)).toContain(`could not connect to unix@${address.host}: EAGAIN, somebody listens there, and the queue of those who wait for it is full: is that process stopped or busy? try again later`);
    expect((await rejection(listen())).message).toContain('EADDRINUSE, somebody listens there already');
    child.kill('SIGKILL');
    await once(child, 'close');
  });

  it('keeps the reason of an aborted dial and listen', async () => {
    const reason = new Error('changed my mind');
    const options = { runtime, signal: AbortSignal.abort(reason), accept() {} };
    expect(await rejection(unix().dial(address, options))).toBe(reason);
    expect(await rejection(unix().listen(address, options))).toBe(reason);
  });

  it('refuses options that cannot work', () => {
    expect(() => unix({ mode: 0o1777 })).toThrow('mode is 1023; give permissions such as 0o660');
    expect(() => unix({ closeTimeoutMs: -1 })).toThrow('closeTimeoutMs is -1');
    expect(unixDefaults.closeTimeoutMs).toBe(5000);
  });
});
