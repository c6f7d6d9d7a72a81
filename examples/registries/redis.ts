import { redis } from '@rpcxjs/registry-redis';
import { basePath, type OpenRegistry } from './where.ts';

export const open = (address = '127.0.0.1:6379'): OpenRegistry => redis({ nodes: address, basePath });
