import { describe, expect, it } from 'vitest';
import { registryCases } from '../src/index.ts';
import type { RegistryRig } from '../src/index.ts';
import { NoticeBoard } from './notice-board.ts';
import type { Defect } from './notice-board.ts';

function rig(defect?: Defect): RegistryRig {
  const board = new NoticeBoard(defect);
  return { registry: board, discovery: board };
}

const honest = registryCases({ create: () => rig() });
for (const one of honest) it(one.name, one.run);

async function verdict(defect: Defect, name: string): Promise<string> {
  const cases = registryCases({ create: () => rig(defect), deadlineMs: 250 }).filter((one) => one.name.startsWith(`registry: ${name}`));
  expect(cases.length).toBe(1);
  return cases[0]?.run().then(() => 'it passed', (error: Error) => error.message) ?? 'there is none';
}

/** The defect, the case that must find it, and what it must say. */
const defects: readonly (readonly [Defect, string, RegExp])[] = [
  ['says nothing after a change', 'what is registered is found', /has not said tcp@192\.0\.2\.1:8972 .*; its last list was \S* ?\[\]/],
  ['keeps what was released', 'what is registered is found', /has not said tcp@192\.0\.2\.2:8972/],
  ['loses metadata', 'metadata are found', /instead of .*"weight":"3"/],
  ['loses repeated keys', 'metadata are found', /instead of .*\["b","a"\]/],
  ['update forgets the address', 'an update changes the metadata', /after an update of tcp@192\.0\.2\.1:8972 the list is .*192\.0\.2\.77/],
  ['update goes to all', 'an update changes the metadata', /after an update of tcp@192\.0\.2\.1:8972 the list is/],
  ['release fails twice', 'a release settles again', /it was released/],
  ['updates what was released', 'a lease that was released', /was not refused/],
  ['brings back what was released', 'a lease that was released', /was not refused/],
  ['plain error after close', 'a lease that was released', /instead of an RpcError with reason CLOSED/],
  ['mixes services', 'services are kept apart', /has not said|its last list was/],
  ['lists an address twice', 'two registrations at one address', /twice in one list/],
  ['one release takes all', 'two registrations at one address', /has not said tcp@192\.0\.2\.1:8972 tcp@192\.0\.2\.2:8972/],
  ['keeps the object', 'what was registered is not changed', /its weight became "2"/],
  ['ignores the signal of register', 'a signal that has aborted before', /instead of rejecting with the signal's reason/],
  ['signal releases', 'a signal that aborts after', /has not said tcp@192\.0\.2\.1:8972 tcp@192\.0\.2\.2:8972/],
  ['takes any address', 'an address that is none', /the address "" gave/],
  ['looks up names in an object', 'any text may be the name', /which is no list/],
  ['second close fails', 'close() settles before', /it is closed/],
  ['takes registrations after close', 'close() settles before', /was not refused/],
  ['plain error after close', 'close() settles before', /instead of an RpcError with reason CLOSED/],
  ['close hangs', 'close() before the first use', /did not settle/],
  ['release fails after close', 'a lease may be released', /it was released/],
  ['close leaves everything', 'close() takes away', /has not said an empty list/],
  ['forgets the timer of a lease', 'leaves no timer', /1 timer\(s\) of its clock wait after close/],
];

describe('a registry that breaks a rule fails the case of that rule', () => {
  for (const [defect, name, message] of defects) {
    it(`${defect}: ${name}`, async () => {
      expect(await verdict(defect, name)).toMatch(message);
    });
  }

  it('every case has found something', () => {
    const found = new Set(defects.map(([, name]) => name));
    expect(honest.filter((one) => ![...found].some((name) => one.name.startsWith(`registry: ${name}`))).map((one) => one.name)).toEqual([]);
  });

  it('skips what a registry cannot do', () => {
    const cases = registryCases({ create: () => rig(), supports: { anyText: false, sharedAddress: false } });
    expect(cases.filter(({ skip }) => skip !== undefined).map(({ skip }) => skip)).toEqual(['it does not support sharedAddress', 'it does not support anyText']);
  });
});
