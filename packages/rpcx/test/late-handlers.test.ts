import { describe, expect, it } from 'vitest';
import { contract, unary, type Logger, type StandardSchema } from '../src/index.ts';
import { deferred, failure, pair, until } from './pair.ts';

it('a handler that still runs when its peer was refused for a bad token writes nothing to the closed connection', async () => {
  const door = deferred();
  const begun = deferred();
  const lines: unknown[] = [];
  const note = (fields: object, message: string): void => void lines.push([message, fields]);
  const logger: Logger = { debug() {}, info() {}, warn: note, error: note, child: () => logger };
  let token = 'good';
  await using both = await pair((server) => server.registerFunction('Slow', 'Down', async () => { begun.resolve(); await door.promise; return 1; }), {
    server: { auth: (given: string) => given === 'good', logger },
    client: { token: () => token },
  });
  const first = failure(both.client.call('Slow', 'Down', 1));
  await begun.promise;
  token = 'bad';
  expect(await failure(both.client.call('Slow', 'Down', 2))).toMatchObject({ reason: 'UNAUTHENTICATED' });
  expect(await first).toMatchObject({ code: 'unavailable' });
  door.resolve();
  await until(() => both.server.stats().running === 0);
  expect(lines).toEqual([]);
});

describe('a validation', () => {
  it('that returns anything with a then is waited for', async () => {
    const validate = (value: unknown): never => ({ then: (ok: (result: unknown) => void) => ok({ value: [value] }) }) as never; // a promise of another kind
    const late: StandardSchema<number, number> = { '~standard': { version: 1, vendor: 'x', validate } };
    const Checked = contract('Checked', { Say: unary({ input: late, output: late }) });
    await using both = await pair((server) => server.register(Checked, { Say: (input) => input }));
    expect(await both.client.service(Checked).Say(7)).toEqual([[7]]);
  });
});
