export { threads } from './threads.ts';
