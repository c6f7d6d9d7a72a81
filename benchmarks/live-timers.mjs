// Loaded before a server (`--import`) to count the timers that are alive in it, those of sockets included.
import { syncBuiltinESMExports } from 'node:module';
import { Socket } from 'node:net';
import timers from 'node:timers';

const alive = new Set();

for (const name of ['setTimeout', 'setInterval', 'setImmediate']) {
  const original = timers[name];
  timers[name] = globalThis[name] = (...args) => {
    const timer = original(...args);
    alive.add(timer);
    return timer;
  };
}
const original = Socket.prototype.setTimeout;
const sockets = new Set();
Socket.prototype.setTimeout = function setTimeoutCounted(delay, callback) {
  if (delay > 0) sockets.add(this);
  else sockets.delete(this);
  return original.call(this, delay, callback);
};
syncBuiltinESMExports();

globalThis.liveTimers = () => {
  for (const timer of alive) if (timer._destroyed) alive.delete(timer);
  return alive.size + sockets.size;
};
