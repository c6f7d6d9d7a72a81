import { it } from 'vitest';
import { describeWithRedis } from '@rpcxjs/registry-servers/vitest';
import { churn } from './churn.ts';

describeWithRedis('a crowd that comes and goes', () => {
  it('G9: 100 servers, 20 changes a second: no call fails, who stays is not dialled anew, and the client knows who is there within 2 s', { timeout: 60_000 }, () => churn({ nodes: 100, changesPerSecond: 20, changes: 200, steady: 40 }));
});
