// A server in a process of its own, which can be killed. It ends when its standard input does, and so with whoever started it.
import { registryOf } from './registry-of.ts';
import { startServer } from './server.ts';

const [name = 'a shop', registry, services = 'shops'] = process.argv.slice(2);
const { address } = await startServer(name, registry === undefined ? undefined : await registryOf(registry, services));
process.stdout.write(`${address}\n`);
process.stdin.resume().once('end', () => process.exit());
