import { fixed } from '@rpcxjs/core';
import { describe, expect, it } from 'vitest';
import { conformsLine, countCases, discoveryCases } from '../src/index.ts';
import type { DiscoveryRig } from '../src/index.ts';
import { NoticeBoard } from './notice-board.ts';
import type { Defect } from './notice-board.ts';

function rig(defect?: Defect): DiscoveryRig {
  const board = new NoticeBoard(defect);
  return { discovery: board, set: (service, instances) => board.set(service, instances) };
}

const honest = discoveryCases({ create: () => rig() });
for (const one of honest) it(one.name, one.run);

async function verdict(defect: Defect, name: string): Promise<string> {
  const cases = discoveryCases({ create: () => rig(defect), deadlineMs: 250 }).filter((one) => one.name.startsWith(`discovery: ${name}`));
  expect(cases.length).toBe(1);
  return cases[0]?.run().then(() => 'it passed', (error: Error) => error.message) ?? 'there is none';
}

/** The defect, the case that must find it, and what it must say. */
const defects: readonly (readonly [Defect, string, RegExp])[] = [
  ['waits with the first list', 'says the whole list at once', /has not said a list \(waited 200 ms\); it said nothing/],
  ['says the first list once', 'says the whole list at once', /it said nothing/],
  ['wrong addresses', 'says the whole list at once', /the address "192\.0\.2\.1:8972"; rpcx writes network@host:port/],
  ['says an address twice', 'says the whole list at once', /said tcp@192\.0\.2\.1:8972 twice/],
  ['numbers in metadata', 'says the whole list at once', /metadata "weight" .* is 3; values are text/],
  ['fails', 'says the whole list at once', /failed with .*planted/],
  ['loses metadata', 'says the metadata', /instead of .*"weight":"3"/],
  ['loses repeated keys', 'says the metadata', /instead of .*\["b","a"\]/],
  ['says nothing after a change', 'says the whole list again after each change', /has not said .*192\.0\.2\.3/],
  ['says only what is new', 'says the whole list again after each change', /its last list was .*192\.0\.2\.3/],
  ['sees no change of metadata', 'says the list again when only metadata', /has not said weight=0, state=inactive/],
  ['hides that it is empty', 'says that nobody is left', /has not said an empty list/],
  ['hides that it is empty', 'says an empty list of a service', /has not said an empty list/],
  ['queues every list', 'shows a slow reader the newest', /was shown 3 old lists/],
  ['changes its lists', 'never changes a list', /has changed from/],
  ['ignores the signal', 'ends a reader that waits', /a reader has not come to an end/],
  ['ignores the signal', 'leaves no timer', /a reader has not come to an end/],
  ['fails when the signal aborts', 'ends a reader that waits', /failed with .*socket was closed.* when its signal aborted/],
  ['ignores the signal', 'ends under a signal', /a reader has not come to an end/],
  ['goes on under an aborted signal', 'ends under a signal', /goes on under a signal that has aborted/],
  ['holds on to a reader', 'lets a reader go', /a reader has not come to an end/],
  ['ends with the first reader', 'lets a reader go', /ended before it said/],
  ['forgets a timer', 'leaves no timer', /1 timer\(s\) of its clock wait/],
  ['mixes services', 'keeps services apart', /has not said|its last list was/],
  ['looks up names in an object', 'says an empty list of a service', /which is no list/],
];

describe('a discovery that breaks a rule fails the case of that rule', () => {
  for (const [defect, name, message] of defects) {
    it(`${defect}: ${name}`, async () => {
      expect(await verdict(defect, name)).toMatch(message);
    });
  }

  it('says lists without a pause: it freezes no case, and is told so', async () => {
    const hot: DiscoveryRig = { discovery: { async *watch() { for (;;) yield [{ address: 'tcp@192.0.2.1:8972', metadata: {} }]; } }, set() {} };
    const [first] = discoveryCases({ create: () => hot, deadlineMs: 250 });
    await expect(first?.run()).rejects.toThrow(/10 000 lists without a pause/);
  });

  it('every case has found something', () => {
    const found = new Set(defects.map(([, name]) => name));
    expect(honest.filter((one) => ![...found].some((name) => one.name.startsWith(`discovery: ${name}`))).map((one) => one.name)).toEqual([]);
  });
});

describe('discoveryCases', () => {
  const still = discoveryCases({ create: () => ({ discovery: fixed(['tcp@192.0.2.1:8972']) }), supports: { changes: false } });
  for (const one of still) it(`fixed: ${one.name}`, one.run);

  it('skips and counts what a discovery cannot do', () => {
    expect(countCases(still)).toMatchObject({ run: 5, skipped: 8 });
    expect(conformsLine('fixed', still)).toMatch(/^fixed conforms to .* \(5 cases, 8 skipped: discovery: says the metadata/);
  });

  it('asks for set() unless it is told that nothing changes', async () => {
    const [first] = discoveryCases({ create: () => ({ discovery: fixed(['tcp@192.0.2.1:8972']) }) });
    await expect(first?.run()).rejects.toThrow('say supports: { changes: false }');
  });
});
