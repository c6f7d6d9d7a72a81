import { countCases, transportCases } from '@rpcxjs/conformance';
import { describe, expect, it } from 'vitest';
import { tcp } from '../src/index.ts';

describe('tcp conforms', () => {
  const cases = transportCases({ create: () => tcp(), address: 'tcp@127.0.0.1:0' });
  for (const one of cases) it(one.name, one.run, 60_000);
  it('skips nothing', () => expect(countCases(cases).skipped).toBe(0));
});
