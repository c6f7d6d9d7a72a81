// The least that an RPC server can be: each whole frame goes to a handler, what that returns goes back, and nothing else.
import { createServer, Socket } from 'node:net';
import { peerOptions, serveUntilInputEnds } from '../closed-loop.mjs';
import { BareWriter, head, reading } from './bare-frame.mjs';

const options = peerOptions();
const reply = head({ reply: true });
const handler = (bytes) => bytes;

const server = createServer({ pauseOnConnect: true, noDelay: true }, (accepted) => {
  // As the ceiling does: createServer has no `onread`.
  const handle = accepted._handle;
  accepted._handle = null;
  let writer;
  const socket = new Socket({ handle, onread: reading((sequence, payload) => writer.append(reply, sequence, handler(payload))) });
  writer = new BareWriter(socket, Number(options.flush));
  socket.on('error', () => socket.destroy());
});
server.listen(0, '127.0.0.1', () => serveUntilInputEnds(`127.0.0.1:${server.address().port}`));
