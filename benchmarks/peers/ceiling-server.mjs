// The ceiling, server side: each whole frame is answered by a reply frame of the same size.
import { createServer, Socket } from 'node:net';
import { peerOptions, serveUntilInputEnds } from '../closed-loop.mjs';
import { rawPayload } from '../message.mjs';
import { BatchedWriter, frame, frameCounter } from './ceiling-frame.mjs';

const options = peerOptions();
const reply = frame(rawPayload(options.payload).length, true);

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
  onBytes = frameCounter(reply.length, (sequence) => writer.append(reply, sequence));
  socket.on('error', () => socket.destroy());
});
server.listen(0, '127.0.0.1', () => serveUntilInputEnds(`127.0.0.1:${server.address().port}`));
