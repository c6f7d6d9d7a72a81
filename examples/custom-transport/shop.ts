// The other thread: a server as anywhere else, at the end of a port.
import { workerData } from 'node:worker_threads';
import { createServer } from '@rpcxjs/rpcx';
import { threads } from './src/index.ts';

const server = createServer({ transports: [threads(workerData)] });
server.registerFunction('Shop', 'Primes', (below: number) => {
  let count = 0;
  for (let number = 2; number < below; number++) {
    let factor = 2;
    while (factor * factor <= number && number % factor !== 0) factor++;
    if (factor * factor > number) count++;
  }
  return count;
});
server.registerFunction('Shop', 'Close', () => void setImmediate(() => void server.close()));
await server.listen('worker@shop');
