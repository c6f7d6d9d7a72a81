// The ceiling, server side: each whole frame is answered by the frame of a reply.
import { createServer, Socket } from 'node:net';
import { peerOptions, serveUntilInputEnds } from '../closed-loop.mjs';
import { rawPayload } from '../message.mjs';
import { BatchedWriter, frame, frameCounter } from './ceiling-frame.mjs';

const options = peerOptions();
const { length: payloadLength } = rawPayload(options.payload);
const request = frame(payloadLength, false);
const reply = frame(payloadLength, true);

const server = createServer({ pauseOnConnect: true, noDelay: true }, (accepted) => {
  // createServer has no `onread`, so the accepted handle moves to a socket that reads into one static buffer.
  const handle = accepted._handle;
  accepted._handle = null;
  let onBytes;
  const socket = new Socket({
    handle,
    onread: {
      buffer: Buffer.allocUnsafeSlow(256 * 1024),
      callback(length, buffer) {
        onBytes(buffer, length);
        return true;
      },
    },
  });
  const writer = new BatchedWriter(socket, Number(options.flush), reply.length);
  onBytes = frameCounter(request.length, (sequence) => writer.append(reply, sequence));
  socket.on('error', () => socket.destroy());
});
server.listen(0, '127.0.0.1', () => serveUntilInputEnds(`127.0.0.1:${server.address().port}`));
