import { buildGoPrograms, startGoClient, startGoServer } from '@rpcxjs/interop';
import { createClient } from '@rpcxjs/rpcx';
import type { Arith } from './orders.ts';
import { chapter, failure, tell } from './story.ts';

/** TypeScript calls Go, and Go calls TypeScript, if there is a Go on this machine. */
export async function meetGo(typescript: string): Promise<void> {
  chapter('And with Go, over the same wire');
  process.stdout.write('   looking for Go (its programs are built once, which takes a minute)\n');
  const built = await buildGoPrograms();
  if (built.missing !== undefined) {
    process.stdout.write(`   skipped: ${built.missing.split('\n')[0]}\n`);
    return;
  }
  await using go = await startGoServer();
  const client = createClient({ servers: go.address });
  const arith = client.service<Arith>('Arith', { idempotent: ['Mul'] });
  tell('TypeScript → Go   arith.Mul({ A: 6, B: 7 })', await arith.Mul({ A: 6, B: 7 }));
  tell("TypeScript → Go   arith.Fail({ Text: 'no' })", String(await failure(arith.Fail({ Text: 'no' }))));
  await client.close();

  await using gopher = await startGoClient();
  const connection = await gopher.connect({ servers: [typescript] });
  const answer = await connection.call('Arith', 'Mul', { shape: 'Args', args: { A: 6, B: 9 }, reply: 'Reply' });
  tell('Go → TypeScript   Arith.Mul {A: 6, B: 9}', answer.value);
  await connection.close();
}
