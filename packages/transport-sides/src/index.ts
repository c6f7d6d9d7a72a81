export { closeAfterEach, later } from './cleanups.ts';
export { Heard } from './heard.ts';
export { memoryLogger } from './logged-lines.ts';
export type { Line } from './logged-lines.ts';
export { raw } from './raw-socket.ts';
export type { Raw } from './raw-socket.ts';
export { dial, freePort, pair, rejection, serve, until } from './sides.ts';
export type { Ends, Served } from './sides.ts';
