// The least that a process must do to get a reply: one frame out, one frame in.
import { connect } from 'node:net';
import { frame } from '../peers/ceiling-frame.mjs';

const [host, port] = process.argv[2].split(':');
const socket = connect(Number(port), host, () => socket.write(frame(16, false)));
socket.once('data', (bytes) => {
  process.stdout.write(`${bytes.length}\n`);
  socket.destroy();
});
