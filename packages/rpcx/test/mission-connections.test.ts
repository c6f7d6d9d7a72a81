import { describe, expect, it, vi } from 'vitest';
import { contextKey, createClient, createServer, tcp, type ClientPlugin, type Logger, type Peer, type ServerCall, type ServerPlugin } from '../src/index.ts';
import { failure, pair, until } from './pair.ts';

const once = { name: 'once', next: () => 'give-up' as const };

function recorder(): { readonly logger: Logger; readonly lines: string[] } {
  const lines: string[] = [];
  const note = (fields: object, message: string): void => void lines.push(`${message} ${Object.keys(fields).join()}`);
  const logger: Logger = { debug: note, info: note, warn: note, error: note, child: () => logger };
  return { logger, lines };
}

describe('what a server knows of its connections', () => {
  it('G29: a handler sees the address of its caller, which is where the client has connected from', async () => {
    const server = createServer({ transports: [tcp()] });
    server.registerFunction('Who', 'AmI', (_: unknown, call: ServerCall) => call.peer.remote);
    const [address = ''] = await server.listen('tcp@127.0.0.1:0');
    let from = '';
    const watching: ClientPlugin = { name: 'watching', connectionOpened: (connection) => ((from = connection.local?.host ?? ''), connection) };
    const client = createClient({ servers: address, transports: [tcp()], plugins: [watching] });
    expect(await client.call('Who', 'AmI', {})).toEqual({ network: 'tcp', host: from });
    expect(from).toMatch(/^127\.0\.0\.1:\d+$/);
    await client.close();
    await server.close();
  });

  it('M42: a session begins and ends with an event that has its address, and its signal and values live as long as it does', async () => {
    const events: string[] = [];
    const watching: ServerPlugin = {
      name: 'watching',
      acceptConnection: (connection) => (events.push(`open ${connection.remote?.network}`), connection),
      connectionClosed: (connection, reason) => void events.push(`closed ${connection.remote?.network} ${reason?.message === undefined ? 'cleanly' : 'with a reason'}`),
    };
    const user = contextKey('user', 'nobody');
    let seen: Peer | undefined;
    await using both = await pair(
      (server) => {
        server.registerFunction('Session', 'LogIn', (name: string, { peer }: ServerCall) => void (seen = peer).values.set(user, name));
        server.registerFunction('Session', 'Who', (_: unknown, { peer }: ServerCall) => peer.values.get(user));
        server.registerFunction('Session', 'Wait', (_: unknown, { signal }: ServerCall) => new Promise((_resolve, reject) => signal.addEventListener('abort', () => (events.push('the call was aborted'), reject(signal.reason as Error)))));
      },
      { server: { plugins: [watching], logger: recorder().logger } },
    );
    await both.client.call('Session', 'LogIn', 'ada');
    expect(await both.client.call('Session', 'Who', {})).toBe('ada');
    expect(events).toEqual(['open memory']);
    expect(seen?.closed.aborted).toBe(false);
    const waiting = failure(both.client.call('Session', 'Wait', {}));
    await until(() => both.server.stats().running === 1);
    both.client.abort();
    await waiting;
    await until(() => events.length === 3);
    expect(events.slice(0, 1)).toEqual(['open memory']);
    expect(events.slice(1).map((event) => event.split(' ').slice(0, 2).join(' ')).sort()).toEqual(['closed memory', 'the call']);
    expect(seen?.closed.aborted).toBe(true);
    await expect(seen?.push({ kind: 'push', service: 'S', name: 'P' }, 1)).rejects.toMatchObject({ reason: 'CLOSED', sent: false });
  });

  it('G31: each client and server has a logger of its own; plugins get it, so that a dial error can be logged by whoever wants that', async () => {
    const { logger, lines } = recorder();
    let lent: Logger | undefined;
    const logging: ClientPlugin = {
      name: 'logging',
      start: (runtime) => void (lent = runtime.logger),
      connectionFailed: (address, error) => lent?.warn({ address, error }, 'could not connect'),
    };
    await using both = await pair((server) => server.registerFunction('Bad', 'Luck', () => { throw new TypeError('in the handler'); }), { server: { logger }, client: { servers: 'memory@nobody', logger, plugins: [logging], failMode: once } });
    expect(await failure(both.client.call('Bad', 'Luck', {}))).toMatchObject({ reason: 'CONNECT_FAILED' });
    expect(lines).toEqual(['could not connect address,error']);
    const other = createClient({ servers: both.address, transports: [both.network], logger: recorder().logger });
    await failure(other.call('Bad', 'Luck', {}));
    await other.close();
    expect(lines).toEqual(['could not connect address,error', 'a handler threw an error of programming err,service,method']);
  });

  it('G31: a logger that does nothing is silent, and the default one writes to the console', async () => {
    const written: unknown[] = [];
    const spies = (['debug', 'info', 'log', 'warn', 'error'] as const).map((name) => vi.spyOn(console, name).mockImplementation((...all) => void written.push(all)));
    try {
      const silent: Logger = { debug() {}, info() {}, warn() {}, error() {}, child: () => silent };
      for (const logger of [silent, undefined]) {
        await using both = await pair((server) => server.registerFunction('Bad', 'Luck', () => { throw new TypeError('in the handler'); }), { server: { logger } });
        await failure(both.client.call('Bad', 'Luck', {}));
        expect(written.length > 0).toBe(logger === undefined);
      }
    } finally {
      for (const spy of spies) spy.mockRestore();
    }
  });
});
