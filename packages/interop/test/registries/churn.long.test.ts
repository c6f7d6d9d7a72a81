import { it } from 'vitest';
import { describeWithRedis } from '@rpcxjs/registry-servers/vitest';
import { churn } from './churn.ts';

describeWithRedis('a crowd that comes and goes, for longer', () => {
  it('G9: 100 servers, 20 changes a second for 5 minutes', () => churn({ nodes: 100, changesPerSecond: 20, changes: 6000, steady: 40 }));
});
