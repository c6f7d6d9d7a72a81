import { RpcError, type ServerCall } from '@rpcxjs/core';
import { expect, it } from 'vitest';
import { openServer } from './open-server.ts';

function fill(call: ServerCall): void {
  for (let index = 0; index < 20_000; index++) call.responseMetadata[`k${index}`] = '';
}

it('a reply with more pairs of metadata than its client would read is an error, with which the connection and its other calls live', async () => {
  await using open = await openServer({}, (server) =>
    server
      .registerFunction('S', 'Many', (_: unknown, call: ServerCall) => fill(call))
      .registerFunction('S', 'ManyAndError', (_: unknown, call: ServerCall) => {
        fill(call);
        throw new RpcError('aborted', 'failed');
      })
      .registerFunction('S', 'Few', () => 1),
  );
  const client = open.client({});
  await client.call('S', 'Few', 1);
  await expect(client.call('S', 'Many', 1)).rejects.toMatchObject({ code: 'resource_exhausted', reason: 'TOO_LARGE', message: expect.stringContaining('its metadata has 20000 pairs, and 16000 are allowed') as unknown });
  await expect(client.call('S', 'ManyAndError', 1)).rejects.toMatchObject({ code: 'aborted', message: 'failed' });
  expect(await client.call('S', 'Few', 1)).toBe(1);
  expect(open.server.stats().connectionsAccepted).toBe(1);
});
