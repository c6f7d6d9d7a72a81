// Two workers of node:cluster that listen on one port. Writes { host, pids } once both do, and when one is gone; ends when its standard input does.
import cluster from 'node:cluster';
import { consoleLogger, systemClock } from '@rpcxjs/core';
import { tcp } from '../src/index.ts';

if (cluster.isPrimary) {
  const workers = [cluster.fork(), cluster.fork()];
  const pids = workers.map((worker) => worker.process.pid);
  let listening = 0;
  for (const worker of workers) {
    // The second listens on the port of the first.
    worker.on('message', (host: string) => {
      listening += 1;
      if (listening === workers.length) process.stdout.write(`${JSON.stringify({ host, pids })}\n`);
    });
    // From then on no connection is given to it.
    worker.on('exit', () => process.stdout.write('gone\n'));
  }
  process.stdin.resume().on('end', () => {
    for (const worker of workers) worker.process.kill('SIGKILL');
    process.exit(0);
  });
} else {
  const listener = await tcp().listen({ network: 'tcp', host: '127.0.0.1:0' }, {
    runtime: { clock: systemClock, logger: consoleLogger() },
    // Says who it is, and echoes.
    accept: (peer) => {
      peer.start({ data: (chunk) => void peer.write(new Uint8Array(chunk)), drain() {}, closed() {} });
      peer.write(Buffer.from(`${process.pid}\n`));
    },
  });
  process.send?.(listener.address.host);
}
