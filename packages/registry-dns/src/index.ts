export { dns } from './dns.ts';
export type { DnsOptions, DnsResolver } from './dns-options.ts';
