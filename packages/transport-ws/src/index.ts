export { webSocket } from './web-socket.ts';
export type { WebSocketOptions } from './ws-options.ts';
