import { MessageChannel } from 'node:worker_threads';
import { transportCases, type ConformanceCase } from '@rpcxjs/conformance';
import { threads } from '../src/index.ts';

/** Both sides of a channel in one thread, as one transport: what is dialled on one side is listened to on the other. */
export const cases: readonly ConformanceCase[] = transportCases({
  create: () => {
    const { port1, port2 } = new MessageChannel();
    const here = threads(port1);
    return { ...here, listen: threads(port2).listen };
  },
  address: 'worker@shop',
});
