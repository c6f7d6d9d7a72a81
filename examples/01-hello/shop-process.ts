// A server in a process of its own, which can be killed. It ends when its standard input does, and so with whoever started it.
import { startServer } from './server.ts';

const { address } = await startServer(process.argv[2] ?? 'a shop');
process.stdout.write(`${address}\n`);
process.stdin.resume().once('end', () => process.exit());
