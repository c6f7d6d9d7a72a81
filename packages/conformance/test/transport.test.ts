import { once } from 'node:events';
import { createServer } from 'node:net';
import type { Server } from 'node:net';
import { describe, expect, it } from 'vitest';
import { conformsLine, countCases, transportCases } from '../src/index.ts';
import type { TransportCasesOptions } from '../src/index.ts';
import { leftTimers, loopback } from './loopback.ts';
import type { Defect } from './loopback.ts';

const address = 'loopback@here';
const honest = transportCases({ create: () => loopback(), address });
for (const one of honest) it(one.name, one.run, 60_000);

/** What the case of that name says about a transport with that defect. */
async function verdict(defect: Defect, name: string): Promise<string> {
  const cases = transportCases({ create: () => loopback(defect), address, deadlineMs: 600 }).filter((one) => one.name.startsWith(`transport: ${name}`));
  expect(cases.length).toBe(1);
  return cases[0]?.run().then(() => 'it passed', (error: Error) => error.message) ?? 'there is none';
}

/** The defect, the case that must find it, and what it must say. */
const defects: readonly (readonly [Defect, string, RegExp])[] = [
  ['keeps the memory of the writer', 'bytes arrive whole and in order', /may reuse its buffer/],
  ['swaps pieces', 'bytes arrive whole and in order', /did not arrive as it was written/],
  ['loses empty-handed', 'pieces of every size arrive', /instead of true or false/],
  ['drops what comes before start', 'bytes sent before start() are kept', /that came before start\(\) were not delivered/],
  ['piles up before start', 'a reader that has not started', /they pile up somewhere/],
  ['end overtakes bytes', 'bytes and the end that came before start() are kept', /of 1000 bytes came before the end/],
  ['ignores pause', 'pause() stops delivery', /while paused/],
  ['loses bytes on pause', 'pause() stops delivery', /did not go on after resume|were lost/],
  ['never says wait', '64 MiB against a paused reader', /must return false so that memory stays flat/],
  ['never drains', '64 MiB against a paused reader', /drain\(\) was never called/],
  ['counts what has arrived', 'bufferedBytes comes down to 0', /everything arrived, yet bufferedBytes is|bufferedBytes never came down to 0/],
  ['one queue for all', 'twenty connections at once', /not its own|not all connections got/],
  ['foreign network', 'says who is at both ends', /an end says network elsewhere/],
  ['cuts on close', 'close() flushes', /close\(\) must flush/],
  ['ignores the end of the other side', 'close() flushes', /the end did not arrive on both sides/],
  ['reports an end twice', 'close() by the accepting side', /closed\(\) was called 2 times/],
  ['close waits for start', 'close() before the first use settles', /before start\(\) did not settle/],
  ['forgets the reason', 'abort(reason) reports the reason', /instead of its reason/],
  ['abort is an end', 'the other side can tell an abort', /was told of a clean end/],
  ['abort is an end', 'abort() without a reason', /undefined would be a clean end/],
  ['silent abort', 'abort(reason) reports the reason', /was not reported on both sides/],
  ['delivers after abort', 'abort() from inside data()', /calls came after closed|was called . times after abort/],
  ['throws after the end', 'write(), pause(), resume() and close() after the end', /write after end/],
  ['counts after the end', 'write(), pause(), resume() and close() after the end', /what was written after the end is counted/],
  ['no network', 'names its networks', /its networks are \[\]/],
  ['lies about its address', 'listens where it was told', /nobody listens at nowhere/],
  ['listener takes its connections along', 'takes no connection after the listener closed', /ended a connection that it had taken|did not settle/],
  ['listener stays', 'takes no connection after the listener closed', /a dial was taken after/],
  ['plain error', 'a dial to nobody fails', /instead of an RpcError/],
  ['pretends to have sent', 'a dial to nobody fails', /sent must be false/],
  ['two listeners', 'a second listener', /gave a second listener/],
  ['dials in spite of the signal', 'a dial with an aborted signal', /instead of the signal's reason/],
  ['ignores a signal on the way', 'a dial that is aborted on the way', /gave a connection instead/],
  ['keeps what it dialled in vain', 'dials that are aborted at every moment', /its accepted side never ended/],
  ['leaves a timer', 'a thousand connections', /timers wait, before the thousand connections it were 0/],
  ['keeps looking at the signal', 'a signal that aborts after the dial', /when the signal of its finished dial aborted/],
  ['listens in spite of the signal', 'a listen with an aborted signal', /gave a listener instead/],
  ['writes into the options', 'listens where it was told', /not extensible|Cannot add property/],
];

describe('a transport that breaks a rule fails the case of that rule', () => {
  for (const [defect, name, sentence] of defects) {
    it(`${defect}: ${name}`, async () => {
      const said = await verdict(defect, name);
      for (const timer of leftTimers.splice(0)) timer.cancel();
      expect(said).toMatch(sentence);
    });
  }

  it('leaves connections open', async () => {
    // What is left open must be seen by the process, and is taken away again afterwards.
    const left: Server[] = [];
    const leaky = (): ReturnType<typeof loopback> => {
      const inner = loopback();
      return { ...inner, dial: async (where, options) => {
        const server = createServer().listen(0, '127.0.0.1');
        left.push(server);
        await once(server, 'listening');
        return inner.dial(where, options);
      } };
    };
    const one = transportCases({ create: leaky, address }).find((each) => each.name.includes('a thousand connections'));
    await expect(one?.run()).rejects.toThrow(/handles are open/);
    for (const server of left) server.close();
  }, 60_000);
});

it('skips what a transport says that it does not support, and says so', async () => {
  const cases = transportCases({ create: () => loopback('abort is an end'), address, supports: { abortIsError: false, manyConnections: false } });
  expect(countCases(cases).skippedNames).toEqual(['transport: the other side can tell an abort from a clean end', 'transport: a thousand connections, opened and closed, leave nothing open']);
  expect(conformsLine('loopback', cases)).toMatch(/^loopback conforms to @rpcxjs\/conformance 0\.1 \(\d+ cases, 2 skipped: transport: the other side/);
  await cases.find((one) => one.skip !== undefined)?.run();
});

describe('another way to the listener', () => {
  it('is taken by each dial, closed after each case, and leaves out the cases about who listens where and the long ones', async () => {
    let ways = 0;
    let open = 0;
    const through: TransportCasesOptions['through'] = async (target) => {
      ways++;
      open++;
      expect(target).toEqual({ network: 'loopback', host: 'here' });
      return { address: { network: 'loopback', host: 'there' }, close: async () => void open-- };
    };
    const create = (): ReturnType<typeof loopback> => {
      const inner = loopback();
      return { ...inner, dial: (where, options) => {
        expect(where.host).toBe('there');
        return inner.dial({ ...where, host: 'here' }, options);
      } };
    };
    const cases = transportCases({ create, address, through });
    for (const one of cases) await one.run();
    expect([ways > 20, open]).toEqual([true, 0]);
    const names = new Set(cases.map((one) => one.name));
    expect(honest.filter((one) => !names.has(one.name)).map((one) => one.name.replace(/^transport: (\S+ \S+ \S+).*/, '$1'))).toEqual([
      '64 MiB against', 'takes no connection', 'a dial to', 'a second listener', 'dials that are', 'a thousand connections,',
    ]);
  });

  it('may swallow the word of an abort', async () => {
    const cases = transportCases({ create: () => loopback('silent abort'), address, supports: { abortIsHeard: false } });
    for (const one of cases.filter((each) => /abort\(.* report|from inside data/.test(each.name))) await one.run();
    expect(countCases(cases).skippedNames).toEqual(['transport: the other side can tell an abort from a clean end']);
  });
});
