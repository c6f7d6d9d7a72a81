import { countCases, transportCases } from '@rpcxjs/conformance';
import { expect, it } from 'vitest';
import { quic } from '../src/index.ts';
import { describeWithEngine, tls } from './sides.ts';
import { spokenFirst } from './spoken-first.ts';

describeWithEngine('quic conforms, with a thousand connections', () => {
  const cases = transportCases({ create: () => spokenFirst(quic({ tls })), address: 'quic@127.0.0.1:0' });
  for (const one of cases) it(one.name, one.run);
  it('skips nothing', () => expect(countCases(cases).skipped).toBe(0));
});
