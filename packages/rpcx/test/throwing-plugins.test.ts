import { memoryNetwork } from '@rpcxjs/transport-memory';
import { describe, expect, it } from 'vitest';
import { createClient, type ClientOptions, type Logger, type Picker } from '../src/index.ts';
import { deferred, failure, pair, until, type Pair } from './pair.ts';

function recorder(): { readonly logger: Logger; readonly lines: string[] } {
  const lines: string[] = [];
  const note = (_fields: object, message: string): void => void lines.push(message);
  const logger: Logger = { debug() {}, info() {}, warn: note, error: note, child: () => logger };
  return { logger, lines };
}
const never = new Promise<void>(() => {});
const fault = (where: string) => (): never => { throw new Error(`in ${where}`); };

/** A server with an echo, a call that never ends and one that fails. */
function echo(client: Partial<ClientOptions>): Promise<Pair> {
  return pair((server) => server.registerFunction('Echo', 'It', (input: unknown) => input).registerFunction('Slow', 'Down', () => never).registerFunction('Bad', 'Luck', fault('the handler')), { client, server: { logger: recorder().logger } });
}

describe('code of a user or a plugin that throws', () => {
  it('in mapError: that call fails with what was thrown', async () => {
    await using both = await echo({ mapError: fault('mapError') });
    expect((await failure(both.client.call('Bad', 'Luck', 1))).message).toBe('in mapError');
    expect(await both.client.call('Echo', 'It', 1)).toBe(1);
  });

  it('in connectionClosed: pending calls get their error all the same', async () => {
    const { logger, lines } = recorder();
    await using both = await echo({ logger, plugins: [{ name: 'p', connectionClosed: fault('connectionClosed') }] });
    await both.client.call('Echo', 'It', 1);
    const waiting = failure(both.client.call('Slow', 'Down', 1));
    both.network.links[0]?.cut();
    expect(await waiting).toMatchObject({ code: 'unavailable', reason: 'CONNECTION_LOST' });
    expect(lines).toEqual(['a plugin threw']);
  });

  it('in connectionFailed: calls that waited get their error all the same', async () => {
    const { logger, lines } = recorder();
    await using both = await echo({ servers: 'memory@nobody', logger, plugins: [{ name: 'p', connectionFailed: fault('connectionFailed') }] });
    expect(await failure(both.client.call('Echo', 'It', 1))).toMatchObject({ reason: 'CONNECT_FAILED' });
    expect(lines).toContain('a plugin threw');
  });

  it('in connectionOpened: the call fails, and no connection is left behind', async () => {
    const { logger } = recorder();
    await using both = await echo({ logger, plugins: [{ name: 'p', connectionOpened: fault('connectionOpened') }] });
    expect((await failure(both.client.call('Echo', 'It', 1))).message).toContain('in connectionOpened');
    await until(() => both.network.links.length === 0);
  });

  it('in a picker: the call rejects instead of throwing at its caller', async () => {
    await using both = await echo({ selector: { name: 's', build: () => ({ pick: fault('pick') }) } });
    const call = both.client.call('Echo', 'It', 1);
    expect(await failure(call)).toMatchObject({ code: 'internal', sent: false, message: expect.stringContaining('in pick') as string });
  });

  it('in the done of a pick: the reply is not lost', async () => {
    const { logger, lines } = recorder();
    let address = '';
    const picker: Picker = { pick: () => ({ instance: { address, metadata: {} }, done: fault('done') }) };
    await using both = await echo({ logger, selector: { name: 's', build: ([first]) => ((address = first?.address ?? ''), picker) } });
    expect(await both.client.call('Echo', 'It', 1)).toBe(1);
    expect(lines).toEqual(['a picker threw when it was told how an attempt went']);
  });

  it('in a fail mode: the call fails with the error of its attempt', async () => {
    const { logger, lines } = recorder();
    await using both = await echo({ servers: 'memory@nobody', logger, failMode: { name: 'f', next: fault('the fail mode') } });
    expect(await failure(both.client.call('Echo', 'It', 1))).toMatchObject({ reason: 'CONNECT_FAILED' });
    expect(lines).toEqual(['a fail mode threw, and the call is not tried again']);
  });

  it('in stop: abort() and close() are quiet, and plugins behind it are stopped', async () => {
    const { logger, lines } = recorder();
    const stopped = deferred();
    const plugins = [{ name: 'p', stop: () => Promise.reject(new Error('in stop')) }, { name: 'q', stop: () => stopped.resolve() }];
    const client = createClient({ servers: 'memory@nobody', transports: [memoryNetwork()], logger, plugins });
    client.abort();
    await stopped.promise;
    await client.close();
    expect(lines).toEqual(['a plugin failed to stop']);
  });
});
