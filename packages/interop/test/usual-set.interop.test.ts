import { expect, it } from 'vitest';
import { createClient, createServer } from '@rpcxjs/rpcx';
import { startGoClient, startGoServer } from '../src/index.ts';
import { Arith, arithHandlers } from './arith.ts';
import { describeWithGo } from './with-go.ts';

describeWithGo('@rpcxjs/rpcx without options', () => {
  it('calls Go, and is called by Go, with Go\'s own defaults', async () => {
    await using go = await startGoServer();
    await using client = createClient({ servers: go.address });
    expect(await client.service(Arith).Mul({ A: 6, B: 7 })).toEqual({ C: 42 });
    await using server = createServer().register(Arith, arithHandlers);
    const servers = await server.listen('tcp@127.0.0.1:0');
    await using caller = await startGoClient();
    const connection = await caller.connect({ servers, mode: 'xclient' });
    expect(await connection.call('Arith', 'Mul', { shape: 'Args', args: { A: 6, B: 7 }, reply: 'Reply' })).toMatchObject({ value: { C: 42 } });
    await connection.close();
  });
});
