export { unix } from './unix.ts';
export type { UnixOptions } from './unix-options.ts';
