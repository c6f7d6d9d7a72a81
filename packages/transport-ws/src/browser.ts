export { webSocket } from './browser-dialer.ts';
export type { BrowserWebSocketOptions } from './browser-dialer.ts';
