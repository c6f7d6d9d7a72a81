import { etcd } from '@rpcxjs/registry-etcd';
import { basePath, type OpenRegistry } from './where.ts';

export const open = (address = '127.0.0.1:2379'): OpenRegistry => etcd({ endpoints: address, basePath });
