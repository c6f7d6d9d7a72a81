export { createClient, defaultLeanLimits } from './lean/lean-client.ts';
export type { LeanClient, LeanClientOptions, LeanLimits, LeanServiceOptions } from './lean/lean-client.ts';
export { methodsOf } from './method-refs.ts';
export type { InterfaceMethods } from './method-refs.ts';
export type { PushInfo } from './pushes.ts';
