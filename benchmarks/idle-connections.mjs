// P11: what ten thousand connections that have each made one call cost a server while they do nothing.
import { connect } from 'node:net';
import { fileURLToPath } from 'node:url';
import { peers } from './peers.mjs';
import { frame } from './peers/ceiling-frame.mjs';
import { startServer } from './processes.mjs';

const connections = 10_000;
const settleMs = 1500;
const preload = fileURLToPath(new URL('live-timers.mjs', import.meta.url));

/** One call over a bare socket, so that the clients cost next to nothing; resolves at the first byte of the reply. */
function callOnce(address, request) {
  const [host, port] = address.split(':');
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port: Number(port), noDelay: true }, () => socket.write(request));
    socket.once('data', () => resolve(socket));
    socket.once('error', reject);
    socket.once('close', () => reject(new Error('the server closed an idle connection')));
  });
}

async function openAll(address, sockets) {
  const request = frame(16, false);
  while (sockets.length < connections) {
    const batch = Math.min(200, connections - sockets.length);
    sockets.push(...(await Promise.all(Array.from({ length: batch }, () => callOnce(address, request)))));
  }
}

export async function idleConnections({ progress }) {
  const run = { codec: 'raw', payload: 16, flags: ['--import', preload] };
  const { child, address } = await startServer(peers.rpcxjs.server(run));
  const sockets = [];
  try {
    // One connection first, so that code loaded by the first call is not counted as the cost of connections.
    sockets.push(await callOnce(address, frame(16, false)));
    await new Promise((resolve) => setTimeout(resolve, settleMs));
    const before = await child.ask('memory');
    await openAll(address, sockets);
    await new Promise((resolve) => setTimeout(resolve, settleMs));
    const after = await child.ask('memory');
    const open = sockets.filter((socket) => !socket.destroyed).length;
    if (open !== connections) throw new Error(`only ${open} of ${connections} connections stayed open`);
    progress(`${connections} connections: ${(before.rss / 1e6).toFixed()} MB, then ${(after.rss / 1e6).toFixed()} MB; ${after.timers} timers in all`);
    return [{ megabytes: (after.rss - before.rss) / 1e6, timers: (after.timers - before.timers) / connections }];
  } finally {
    for (const socket of sockets) socket.removeAllListeners('close').destroy();
    await child.end();
  }
}
