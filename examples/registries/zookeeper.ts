import { zookeeper } from '@rpcxjs/registry-zookeeper';
import { basePath, type OpenRegistry } from './where.ts';

export const open = (address = '127.0.0.1:2181'): OpenRegistry => zookeeper({ servers: address, basePath });
