export { kcp } from './kcp.ts';
export type { KcpOptions, KcpPassword } from './kcp-options.ts';
export type { KcpCipher } from './ciphers.ts';
