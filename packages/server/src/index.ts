export type { Authenticate } from './auth.ts';
export type { RegisterOptions } from './register.ts';
export { createServer } from './server.ts';
export type { Server, ServerStats } from './server.ts';
export type { ServerCounters } from './peer-services.ts';
export { defaultServerLimits } from './server-options.ts';
export type { ServerLimits, ServerOptions } from './server-options.ts';
