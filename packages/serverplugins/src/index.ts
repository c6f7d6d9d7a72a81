export { alias } from './alias.ts';
export { blacklist } from './blacklist.ts';
export type { BlacklistOptions } from './blacklist.ts';
export { rateLimitConnections } from './rate-limit-connections.ts';
export type { RateLimitConnectionsOptions } from './rate-limit-connections.ts';
export { rateLimitRequests } from './rate-limit-requests.ts';
export type { RateLimitRequestsOptions } from './rate-limit-requests.ts';
export { whitelist } from './whitelist.ts';
export type { AddressFilter, WhitelistOptions } from './whitelist.ts';
