export { mdns } from './mdns.ts';
export type { MdnsRegistry } from './mdns.ts';
export type { MdnsOptions } from './mdns-options.ts';
