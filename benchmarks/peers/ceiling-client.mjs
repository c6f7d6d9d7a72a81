// The ceiling, client side: the bytes of raw rpcx calls over node:net, batched, with nothing else.
import { connect } from 'node:net';
import { callbackLoop, peerOptions, serveJobs } from '../closed-loop.mjs';
import { rawPayload } from '../message.mjs';
import { BatchedWriter, frame, frameCounter } from './ceiling-frame.mjs';

const options = peerOptions();
const [host, port] = options.address.split(':');
const { length: payloadLength } = rawPayload(options.payload);
const request = frame(payloadLength, false);
const completions = [];
const onBytes = frameCounter(frame(payloadLength, true).length, (sequence) => completions[sequence]());
const socket = connect({
  host, port: Number(port), noDelay: true,
  onread: {
    buffer: Buffer.allocUnsafeSlow(256 * 1024),
    callback(length, buffer) {
      onBytes(buffer, length);
      return true;
    },
  },
});
const writer = new BatchedWriter(socket, Number(options.flush), request.length);

await serveJobs(callbackLoop((slot, done) => {
  completions[slot] = done;
  writer.append(request, slot);
}));
