import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { countCases, transportCases } from '@rpcxjs/conformance';
import { afterAll, describe, expect, it } from 'vitest';
import { unix } from '../src/index.ts';

describe('unix conforms', () => {
  const folder = mkdtempSync(join(tmpdir(), 'rpcxjs-unix-'));
  afterAll(() => rmSync(folder, { recursive: true }));
  let sockets = 0;
  // A socket file knows no reset.
  const cases = transportCases({ create: unix, address: () => ({ network: 'unix', host: join(folder, `${++sockets}.sock`) }), supports: { abortIsError: false } });
  for (const one of cases) it(one.name, one.run, 60_000);
  it('skips one case', () => expect(countCases(cases).skipped).toBe(1));
});
