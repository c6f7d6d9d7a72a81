export { httpConnect } from './http-connect.ts';
export type { HttpConnectOptions } from './http-connect-options.ts';
export { HttpRefusal } from './http-refusal.ts';
